"""Nothing of ansible.builtin is missing, and the documentation names all that there is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stella_ops.errors import TemplateError
from stella_ops.templating import tables
from stella_ops.templating.lookups.registry import LOOKUPS
from stella_ops.templating.plugins.unsupported import names, not_supported

NAMES = yaml.safe_load((Path(__file__).parent / "builtin_names.yml").read_text(encoding="utf-8"))
DOC = (Path(__file__).parents[3] / "docs" / "templating.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["filters", "tests"])
def test_all_of_ansible_builtin_is_there(kind: str) -> None:
    table = tables.filters() if kind == "filters" else tables.tests()
    assert [name for name in NAMES[kind] for full in (name, f"ansible.builtin.{name}") if full not in table] == []


def test_all_lookups_of_ansible_builtin_are_there(render) -> None:
    assert [name for name in NAMES["lookups"] if name not in LOOKUPS] == []
    assert render("{{ query('ansible.builtin.items', 1) + query('ansible.legacy.items', 2) }}") == [1, 2]


def test_everything_is_documented() -> None:
    own = {name.rpartition(".")[2] for name in (*tables.filters().added, *NAMES["filters"], *NAMES["tests"])}
    community = {name.rpartition(".")[2] for name in tables._filters_of_collections()}
    tests = {name.rpartition(".")[2] for name in tables._tests_of_collections()}
    every = own | community | tests | set(LOOKUPS)
    assert [name for name in sorted(every) if f"`{name}`" not in DOC] == []


@pytest.mark.parametrize("kind", ["filter", "test", "lookup"])
def test_what_is_not_supported_is_not_there_and_has_a_hint(kind: str) -> None:
    known = {"filter": tables.filters(), "test": tables.tests(), "lookup": LOOKUPS}[kind]
    for name in names(kind):
        assert name not in known
        assert not_supported(kind, f"community.general.{name}")
        assert f"`{name}`" in DOC


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{{ 'a' | community.general.jc }}", "the filter 'community.general.jc' is not supported", "jc itself"),
        ("{{ lookup('community.hashi_vault.hashi_vault', 'x') }}", "lookup 'community.hashi_vault", "lookup 'pipe'"),
        ("{{ 'a' | ipadr }}", "No filter named 'ipadr'", "did you mean 'ipaddr'?"),
        ("{{ 'a' | ansible.builtin.ipaddr }}", "No filter named 'ansible.builtin.ipaddr'", ""),
        ("{{ 'a' | ipaddr('netmsk') }}", "unknown query 'netmsk'", "did you mean 'netmask'?"),
        ("{{ 'a' | hwaddr('linux') }}", "'a' is no hardware address", ""),
        ("{{ '1.2.3.0/29' | ipaddr('peer') }}", "has no peer", "/31"),
        ("{{ 'a' | password_hash('sha123') }}", "sha123 is not in the list of supported", "sha"),
        ("{{ 5 | password_hash }}", "the password must be text", "string"),
        ("{{ 'a' | password_hash('bcrypt', 'short') }}", "a salt of bcrypt has 22 characters, not 5", ""),
        ("{{ {} | json_query('a[') }}", "'a['", ""),
        ("{{ [1] | index_of('nope', 1) }}", "unknown test 'nope'", ""),
        ("{{ '1q' | to_seconds }}", "unknown unit 'q'", ""),
        ("{{ 'soon' | to_seconds }}", "is no duration", "1h 30m"),
        ("{{ '10.0.0.0/24' | ipsubnet('10.1.0.0/16') }}", "is not in the network 10.1.0.0/16", ""),
        ("{{ [{}] | keep_keys(target=['a'], matching_parameter='x') }}", "unknown matching_parameter 'x'", "regex"),
        ("{{ [{'a': 1}] | keep_keys(target=['('], matching_parameter='regex') }}", "'(' is no regular expression", ""),
    ],
)
def test_misuse_is_told(render, text: str, message: str, hint: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(text)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.where == "site.yml:9:5"


def test_chance_is_asked_anew_each_time(render) -> None:
    """Nothing of a template is worked out once for all when it is compiled."""
    assert len({render("{{ 1000000000 | random }}") for _ in range(3)}) > 1
    assert render("{{ 'x' | password_hash('md5') }}") != render("{{ 'x' | password_hash('md5') }}")
