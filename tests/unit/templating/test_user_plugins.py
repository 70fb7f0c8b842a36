"""Users' own filters, tests and lookups, and the modules of ansible-core that they import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import TemplateError
from stella_ops.origins import VaultedText
from stella_ops.templating.plugins import folders
from stella_ops.templating.plugins.ansible_errors import AnsibleError
from stella_ops.templating.plugins.imports import answered

FILTERS = """
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.text.converters import to_text
from ansible.utils.vars import merge_hash
from ansible.module_utils.six import string_types


def refuse(value):
    raise AnsibleFilterError("it is not blue")


class FilterModule:
    def filters(self):
        return {
            "shout": lambda value: to_text(value).upper(),
            "braces": lambda value: ["{{ 1 + 1 }}", {"k": "{{ 1 }}"}],
            "kinds": lambda value: [type(value).__name__, type(value["k"]).__name__],
            "refuse": refuse,
            "burst": lambda value: value.nothing,
            "later": self.later,
            "merged": lambda a, b: merge_hash(a, b),
        }

    def later(self, value):
        from ansible.parsing.splitter import parse_kv

        return parse_kv(value)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """Writes plug-in files, and uses them as those beside a playbook."""

    def write(**files: str) -> list[str]:
        for name, text in files.items():
            kind, _, stem = name.partition("__")
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / f"{stem}.py").write_text(text, encoding="utf-8")
        return folders.use_beside(tmp_path)

    folders.forget()
    yield write
    folders.forget()


def lookup(body: str, head: str = "") -> str:
    return (
        "from ansible.plugins.lookup import LookupBase\n"
        f"{head}\n\nclass LookupModule(LookupBase):\n"
        f"    def run(self, terms, variables=None, **kwargs):\n        {body}\n"
    )


def test_filters(render, project: Any) -> None:
    project(filter_plugins__mine=FILTERS)
    assert render("{{ 'a' | shout }}{{ ['b'] | map('shout') | join }}") == "AB"
    assert render("{{ v | kinds }}", "v: {k: \"{{ 'x' }}\"}") == ["dict", "str"]
    assert render("{{ 'a=1 b' | later }}") == {"a": "1", "_raw_params": "b"}
    assert render("{{ {'a': {'x': 1}} | merged({'a': {'y': 2}}) }}") == {"a": {"x": 1, "y": 2}}


def test_what_was_encrypted_is_told_apart(render, project: Any) -> None:
    module = (
        "from ansible.parsing.vault import VaultHelper\nfrom ansible.utils.vars import transform_to_native_types\n"
        "def hidden(value):\n    return transform_to_native_types(value, redact=True)\n"
        "def cipher(value):\n    return VaultHelper.get_ciphertext(value, with_tags=False)\n"
        "class FilterModule:\n    def filters(self):\n        return {'hidden': hidden, 'cipher': cipher}\n"
    )
    project(filter_plugins__mine=module)
    secret = VaultedText("plain", "$ANSIBLE_VAULT;1.1")
    assert render("{{ [secret | cipher, 'x' | cipher] }}", secret=secret) == ["$ANSIBLE_VAULT;1.1", None]
    assert render("{{ {'a': [secret, 'b']} | hidden }}", secret=secret) == {"a": ["<redacted>", "b"]}


def test_what_they_return_is_data(render, project: Any) -> None:
    project(filter_plugins__mine=FILTERS, lookup_plugins__mine=lookup("return ['{{ 1 + 1 }}']"))
    variables = "got: \"{{ 'x' | braces }}\"\nlooked: \"{{ query('mine') }}\""
    assert render("{{ got }}", variables) == ["{{ 1 + 1 }}", {"k": "{{ 1 }}"}]
    assert render("{{ got[0] }} {{ looked[0] }}", variables) == "{{ 1 + 1 }} {{ 1 + 1 }}"


def test_a_lookup_cannot_make_a_template_of_data(render, project: Any) -> None:
    body = "return [self._templar.template(t) for t in ('{{ 1 + 1 }}', variables['own'], variables['data'])]"
    project(lookup_plugins__mine=lookup(body))
    made = render("{{ query('mine') }}", "own: '{{ 1 + 1 }}'", data="{{ 1 + 1 }}")
    assert made == ["{{ 1 + 1 }}", 2, "{{ 1 + 1 }}"]


def test_tests_and_those_of_a_users_own_name_come_first(render, holds, project: Any) -> None:
    assert render("{{ 'a' | upper }}") == "A"
    module = "class {0}:\n    def {1}(self):\n        return {{{2}}}\n"
    project(
        test_plugins__t=module.format("TestModule", "tests", "'blue': lambda v: v == 'sky'"),
        filter_plugins__f=module.format("FilterModule", "filters", "'upper': lambda v: 'mine'"),
    )
    assert holds("v is blue", "v: sky")
    assert not holds("v is blue", "v: sea")
    assert render("{{ 'a' | upper }}{{ 'a' | ansible.builtin.upper }}") == "mineA"
    folders.forget()
    assert render("{{ 'a' | upper }}") == "A"
    with pytest.raises(TemplateError, match="No test named 'blue'"):
        holds("v is blue", "v: sky")


def test_options_of_a_lookup(render, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    head = '''DOCUMENTATION = """
options:
  size: {type: int, default: 1, env: [{name: MINE_SIZE}]}
  words: {type: list, default: a, vars: [{name: mine_words}]}
  loud: {type: bool, default: no}
"""'''
    body = "self.set_options(var_options=variables, direct=kwargs); return [self.get_options()]"
    project(lookup_plugins__mine=lookup(body, head))
    assert render("{{ lookup('mine') }}") == {"size": 1, "words": ["a"], "loud": False}
    monkeypatch.setenv("MINE_SIZE", "3")
    made = render("{{ lookup('mine', loud='yes') }}", "mine_words: \"{{ ['x', 'y'] }}\"")
    assert made == {"size": 3, "words": ["x", "y"], "loud": True}
    with pytest.raises(TemplateError, match="the option 'size' of the plug-in 'mine' of type int cannot be 'x'"):
        render("{{ lookup('mine', size='x') }}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ 'a' | refuse }}", "The filter plugin 'refuse' failed: it is not blue"),
        ("{{ 'a' | burst }}", "The filter plugin 'burst' failed: 'str' object has no attribute 'nothing'"),
        ("{{ nope | shout }}", "'nope' is undefined"),
        ("{{ query('bad') }}", "The lookup plugin 'bad' failed: no way"),
        ("{{ query('text') }}", "The lookup plugin 'text' failed: the lookup 'text' must return a list, not str"),
    ],
)
def test_their_errors_are_told(render, project: Any, text: str, message: str) -> None:
    project(
        filter_plugins__mine=FILTERS,
        lookup_plugins__bad=lookup("raise AnsibleError('no way')", "from ansible.errors import AnsibleError"),
        lookup_plugins__text=lookup("return 'a'"),
    )
    with pytest.raises(TemplateError) as caught:
        render(text)
    assert caught.value.message == message
    assert caught.value.where == "site.yml:9:5"


def test_a_loader_makes_no_copy_of_what_is_encrypted(render, project: Any, tmp_path: Path) -> None:
    from stella_ops.vault.cipher import encrypt

    project(lookup_plugins__real=lookup("return [self._loader.get_real_file(terms[0])]"))
    clear, kept = tmp_path / "clear", tmp_path / "kept"
    clear.write_text("text", encoding="utf-8")
    kept.write_bytes(encrypt(b"text", b"password", None))
    assert render(f"{{{{ lookup('real', '{clear}') }}}}") == str(clear)
    with pytest.raises(TemplateError, match=r"The lookup plugin 'real' failed: .*/kept is encrypted"):
        render(f"{{{{ lookup('real', '{kept}') }}}}")


def test_a_chain_of_causes_has_an_end() -> None:
    one, other = AnsibleError("one"), AnsibleError("other")
    one.__cause__, other.__cause__ = other, one
    assert str(one).startswith("one: other: one")


def test_a_file_that_fails_is_named_where_it_is_missed(render, project: Any, tmp_path: Path) -> None:
    project(filter_plugins__broken="import nothing_of_that_name\n", lookup_plugins__none="x = 1\n")
    assert render("{{ 1 }}") == 1
    with pytest.raises(TemplateError) as caught:
        render("{{ 'a' | zzzzz }}")
    assert caught.value.message == "Syntax error in template: No filter named 'zzzzz'."
    assert f"{tmp_path}/filter_plugins/broken.py cannot be loaded: ModuleNotFoundError" in str(caught.value.hint)
    with pytest.raises(TemplateError) as caught:
        render("{{ query('none') }}")
    assert "has no class LookupModule" in str(caught.value.hint)


def test_other_kinds_are_not_supported_and_what_is_instead(project: Any) -> None:
    said = project(action_plugins__a="", callback_plugins__c="", strategy_plugins__s="", connection_plugins__x="")
    assert [message.split("ansible-core's ")[1] for message in sorted(said)] == [
        "action plug-ins are not supported: write a module, or a role",
        "callback plug-ins are not supported: use --output json, which has every event of a run",
        "connection plug-ins are not supported: connections are ssh and local",
        "strategy plug-ins are not supported: strategies are linear, pipelined, free and host_pinned",
    ]


def test_folders_of_the_environment(render, project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "mine.py").write_text(FILTERS)
    monkeypatch.setenv("ANSIBLE_FILTER_PLUGINS", f"/nowhere:{tmp_path}/one")
    folders.use_configured()
    assert render("{{ 'a' | shout }}") == "A"


def test_imports_work_in_plugins_alone(project: Any) -> None:
    project(filter_plugins__mine=FILTERS)
    with answered():
        assert sys.modules["ansible.errors"]
    assert not [name for name in sys.modules if name.split(".")[0] == "ansible"]
    with pytest.raises(ImportError):
        __import__("ansible.errors")


ASKING = """
from ansible import constants as C
from ansible.plugins.loader import filter_loader, lookup_loader, module_loader, test_loader

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return list(self.found(variables, *terms))

    def found(self, variables, *names):
        for name in names:
            yield module_loader.find_plugin(name) is not None
        yield lookup_loader.has_plugin("optioned"), lookup_loader.has_plugin("nobody"), "env" in lookup_loader
        yield lookup_loader.get("dict", self._loader, self._templar).run([{"k": 1}], variables)
        own = lookup_loader.get("optioned", loader=self._loader, templar=self._templar)
        yield own.run([], variables, colour="blue"), lookup_loader.get("optioned", class_only=True).__name__
        yield lookup_loader.get("nobody"), filter_loader.get("upper").j2_function("a"), filter_loader.get("nobody")
        yield test_loader.get("ansible.builtin.match").j2_function("ab", "a")
        yield sorted(C.config.get_configuration_definitions("lookup", "optioned"))
        for option in ("colour", "speed"):
            yield C.config.get_config_value_and_origin(option, None, "lookup", "optioned", variables=variables)
        yield C.DEFAULT_FORKS, C.config.get_config_value("DEFAULT_FORKS"), hasattr(C, "NOBODY"), C.LOCALHOST[0]
        try:
            C.config.get_config_value("nobody", None, "lookup", "optioned")
        except Exception as problem:
            yield str(problem)
"""
OPTIONED = lookup(
    "self.set_options(var_options=variables, direct=kwargs)\n        return [self.get_option('colour')]",
    head="""DOCUMENTATION = '''
options:
  colour: {type: str, default: red, env: [{name: UNSET_COLOUR}]}
  speed: {type: int, default: 3, vars: [{name: my_speed}]}
'''
""",
)


def test_plugins_ask_for_other_plugins_for_modules_and_for_settings(
    render, project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_FORKS", "7")
    head = "from ansible.plugins.lookup import LookupBase\n"
    project(lookup_plugins__asking=head + ASKING, lookup_plugins__optioned=OPTIONED, library__my_module="")
    template = "{{ query('asking', 'my_module', 'ansible.builtin.my_module', 'ansible.builtin.file', 'no_module') }}"
    assert render(template)[:4] == [False, False, True, False]
    folders.use_modules([tmp_path / "library"])
    modules, found = render(template, my_speed="7")[:4], render(template, my_speed="7")[4:]
    assert modules == [True, False, True, False]
    assert found[0] == [True, False, True]
    assert found[1] == [{"key": "k", "value": 1}]
    assert found[2] == [["blue"], "LookupModule"]
    assert found[3] == [None, "A", None]
    assert found[4:] == [
        True,
        ["colour", "speed"],
        ["red", "default"],
        [7, "var: my_speed"],
        [7, 7, False, "127.0.0.1"],
        "No config definition exists for 'nobody'.",
    ]


def test_plugins_made_of_ansible_cores_own(render, project: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text\n", encoding="utf-8")
    body = "return [line.upper() for line in super().run(terms, variables, **kwargs)]"
    louder = lookup(body).replace("ansible.plugins.lookup", "ansible.plugins.lookup.file", 1)
    louder = louder.replace("import LookupBase", "import LookupModule as LookupBase", 1)
    filters = """
from ansible.config.manager import ensure_type
from ansible.parsing.utils.addresses import parse_address
from ansible.plugins.filter.core import FilterModule as Core, get_hash, regex_replace
from ansible.plugins.test.core import TestModule

class FilterModule(Core):
    def filters(self):
        odd = TestModule().tests()["match"]
        return {
            "upper": lambda value: "mine " + super(FilterModule, self).filters()["basename"](value),
            "told": lambda value: [get_hash("a")[:4], regex_replace(value, "a", "o"), odd(value, "a")],
            "number": lambda value: ensure_type(value, "int"),
            "split_port": lambda value: list(parse_address(value)),
        }
"""
    project(lookup_plugins__louder=louder, filter_plugins__of_core=filters)
    assert render("{{ lookup('louder', '" + str(tmp_path / "a.txt") + "') }}") == "TEXT"
    assert render("{{ '/x/y' | upper }}") == "mine y"
    assert render("{{ 'ab' | told }}") == ["86f7", "ob", True]
    assert render("{{ '5' | number }}") == 5
    assert render("{{ ['h', 'h:22', '[::1]:22', '::1', '[::1]'] | map('split_port') }}") == [
        *(["h", None], ["h", 22], ["::1", 22], ["::1", None], ["::1", None]),
    ]


def test_options_of_plugins_by_config(render, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSET_COLOUR", "green")
    project(lookup_plugins__optioned=OPTIONED)

    def ask(options: str, more: str = "", **variables: Any) -> Any:
        template = "query('config', " + options + ", plugin_type='lookup', plugin_name='optioned'" + more + ")"
        return render("{{ " + template + " }}", **variables)

    assert ask("'colour', 'speed'", ", show_origin=True", my_speed="7") == [
        ["green", "env: UNSET_COLOUR"],
        [7, "var: my_speed"],
    ]
    assert ask("'speed', 'nothing'", ", on_missing='skip'") == [3]
    with pytest.raises(TemplateError, match="No config definition exists for 'nothing' for 'optioned' lookup plugin"):
        ask("'nothing'")
    with pytest.raises(TemplateError, match='Unable to load lookup plugin "nobody"'):
        render("{{ lookup('config', 'nothing', plugin_type='lookup', plugin_name='nobody') }}")


def test_a_real_ansible_answers_for_itself(tmp_path: Path) -> None:
    """In another process, with a package of that name on its path."""
    (tmp_path / "ansible").mkdir()
    (tmp_path / "ansible" / "__init__.py").write_text("REAL = True\n")
    code = (
        "from stella_ops.templating.plugins.imports import answered\n"
        "with answered():\n    import ansible\n    print(ansible.REAL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.stdout == "True\n", done.stderr


class Arriving(str):
    """A module's name; while it is looked at, another module is imported, as another thread does at any moment."""

    def startswith(self, *prefix: Any) -> bool:
        sys.modules["module_of_another_thread"] = sys
        return super().startswith(*prefix)


def test_modules_that_another_thread_imports_meanwhile_disturb_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, Arriving("module_looked_at"), sys)
    try:
        with answered():
            pass
        assert sys.modules["module_of_another_thread"] is sys
        assert "ansible" not in sys.modules
    finally:
        del sys.modules["module_of_another_thread"]
