"""``meta/runtime.yml``: redirects, what goes away, what has gone; and why a name leads nowhere."""

from __future__ import annotations

import pytest

from stella_ops.collections import groups, resolving
from stella_ops.collections.fragments import with_fragments
from stella_ops.errors import CollectionError

RUNTIME = """
action_groups:
  own: [one, c.d.two]
  more:
    - three
    - metadata: {extend_group: [own, c.d.far]}
  round: [{metadata: {extend_group: round}}, four]
plugin_routing:
  modules:
    old: {redirect: a.b.older}
    older: {redirect: c.d.two}
    ours: {redirect: ansible.builtin.copy}
    ping: {redirect: a.b.pong}
    pong: {redirect: a.b.ping}
    short: {redirect: two}
    aging: {deprecation: {removal_version: 3.0.0, warning_text: Use two.}}
    gone: {tombstone: {removal_date: 2020-01-01, warning_text: Use two.}}
    sub.below: {redirect: c.d.two}
    acting: {action_plugin: c.d.act}
  filter:
    aging: {deprecation: {removal_date: '2030-01-01'}}
    gone: {tombstone: {removal_version: 2.0.0}}
"""
FILES = {
    "a.b/meta/runtime.yml": RUNTIME,
    "a.b/plugins/modules/aging.py": "",
    "a.b/plugins/modules/acting.py": "",
    "a.b/plugins/modules/sub/deep.py": "",
    "a.b/plugins/modules/prog.sh": "",
    "a.b/plugins/modules/prog.md": "",
    "a.b/plugins/modules/win.py": "",
    "a.b/plugins/modules/win.ps1": "",
    "a.b/plugins/action/both.py": "",
    "a.b/plugins/modules/both.py": "",
    "c.d/plugins/modules/two.py": "",
    "c.d/meta/runtime.yml": "action_groups: {c.d.far: [far]}",
}


def test_modules(install) -> None:
    made = install(FILES)

    def end(name: str) -> str | None:
        found = resolving.module(made, name)
        return None if found is None else f"{found[0]} {found[1].name if found[1] else '-'}"

    assert end("a.b.old") == end("a.b.sub.below") == "c.d.two two.py"
    assert end("a.b.ours") == "copy -"
    assert end("a.b.sub.deep") == "a.b.sub.deep deep.py"
    assert end("a.b.prog") == "a.b.prog prog.sh"
    assert end("a.b.win") == "a.b.win win.ps1"
    assert [end(name) for name in ("a.b.none", "x.y.z", "two", "a.b.deep")] == [None] * 4


def test_what_cannot_be_followed(install) -> None:
    made = install(FILES)
    for name, said in (
        ("a.b.ping", "redirect loop"),
        ("a.b.short", "fully qualified"),
        ("a.b.gone", "has been removed"),
    ):
        with pytest.raises(CollectionError, match=said):
            resolving.module(made, name)


def test_words_of_what_goes_and_has_gone(install) -> None:
    made, told = install(FILES), []
    made.listen(told.append)
    for _ in range(2):
        resolving.module(made, "a.b.aging")
        resolving.follow(made, "filter", "a.b.aging")
    assert [(notice.text, notice.deprecated) for notice in told] == [
        (
            "a.b.aging has been deprecated. Use two. This feature will be removed from collection 'a.b' version 3.0.0.",
            True,
        ),
        (
            "Filter \"a.b.aging\" has been deprecated. This feature will be removed from collection 'a.b' in a "
            "release after 2030-01-01.",
            True,
        ),
    ]
    with pytest.raises(CollectionError) as caught:
        resolving.follow(made, "filter", "a.b.gone")
    assert caught.value.message == (
        "The 'a.b.gone' filter plugin has been removed. This feature was removed from collection 'a.b' version 2.0.0."
    )


def test_action_plugins(install) -> None:
    made = install(FILES)
    names = ("a.b.both", "a.b.acting", "a.b.aging", "copy")
    assert [resolving.action(made, name) for name in names] == ["a.b.both", "c.d.act", None, None]


def test_why_a_name_leads_nowhere(install, tmp_path) -> None:
    made = install(FILES)
    assert resolving.explain(made, "modules", "copy") is None
    missing = resolving.explain(made, "modules", "x.y.z")
    assert missing is not None and "'x.y' is not installed" in missing and str(tmp_path / "here") in missing
    near = resolving.explain(made, "modules", "c.d.tow")
    assert near is not None and near.endswith("c/d/plugins/modules; did you mean 'two'?")


def test_groups_of_actions(install) -> None:
    made = install(FILES)
    assert groups.actions(made, "a.b.own") == {"a.b.one", "c.d.two"}
    assert groups.actions(made, "a.b.more") == {"a.b.three", "a.b.one", "c.d.two", "c.d.far"}
    assert groups.actions(made, "a.b.round") == {"a.b.four"}
    assert groups.actions(made, "aws") == frozenset()
    for name, hint in (("a.b.none", "known: more, own, round"), ("x.y.z", "not installed"), ("none", "known: acme")):
        with pytest.raises(CollectionError) as caught:
            groups.actions(made, name)
        assert hint in (caught.value.hint or "")


def test_shared_documentation(install) -> None:
    shared = "class ModuleDocFragment(object):\n    DOCUMENTATION = '''options: {host: {type: str}}'''\n"
    shared += (
        "    PART = 'options: {port: {type: int, env: [{name: P}]}, host: {default: here, type: raw}}'\n    OTHER = 5\n"
    )
    made = install({"a.b/plugins/doc_fragments/net.py": shared, "a.b/plugins/doc_fragments/bad.py": "("})
    about = {
        "options": {"port": {"type": "str"}},
        "extends_documentation_fragment": ["a.b.net", "a.b.net.part", "a.b.net.other", "a.b.bad", "x.y.z", "files"],
    }
    env, host = [{"name": "P"}], {"type": "str", "default": "here"}  # what is said first counts, field by field
    found = with_fragments(made, about)
    assert (found["host"], found["port"]) == (host, {"type": "str", "env": env})
    assert {"mode", "owner", "group"} < found.keys(), "ansible.builtin's own"
    both = {"extends_documentation_fragment": "a.b.net, a.b.net.part"}
    assert with_fragments(made, both) == {"host": host, "port": {"type": "int", "env": env}}
