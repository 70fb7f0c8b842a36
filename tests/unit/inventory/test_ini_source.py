import ast
import shlex
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.inventory.ini_source import read_ini, read_value
from stella_ops.inventory.model import Inventory
from stella_ops.origins import Origin, SourceText

Ini = Callable[[str], Inventory]


def test_children_come_in_the_order_of_their_own_sections(ini: Ini) -> None:
    """A child that has been before comes where it is named, as in ansible-core: so do the hosts of a play."""
    inventory = ini("[own]\no\n[prod:children]\ndb\nweb\nown\n[web]\nw\n[db]\nd\n[late:children]\ndb\nweb\n")
    assert list(inventory.groups["prod"].children) == ["own", "web", "db"]
    assert inventory.select("prod") == ["o", "w", "d"]
    assert list(inventory.groups["late"].children) == ["db", "web"]


def test_hosts_children_and_vars(ini: Ini) -> None:
    inventory = ini(
        """
        # a comment
        lonely
        [web]  # those that people see
        web[1:2]:2222 weight=3 note="two words"   # shown
        ; another comment
        [prod:children]
        web
        db            # defined below
        [db]
        db1 ansible_host=10.0.0.9
        [prod:vars]
        tier = gold
        """
    )
    assert inventory.groups_to_hosts() == {
        "all": ["lonely", "web1", "web2", "db1"],
        "ungrouped": ["lonely"],
        "web": ["web1", "web2"],
        "prod": ["web1", "web2", "db1"],
        "db": ["db1"],
    }
    assert inventory.variables("web2") == {
        "tier": "gold",
        "ansible_port": 2222,
        "weight": 3,
        "note": "two words",
    }
    assert inventory.variables("db1") == {"tier": "gold", "ansible_host": "10.0.0.9"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("8080", 8080),
        ("-1", -1),
        ("1.5", 1.5),
        ("True", True),
        ("None", None),
        ("yes", "yes"),
        ("true", "true"),
        ("0644", "0644"),
        ("10.0.0.1", "10.0.0.1"),
        ("'quoted'", "quoted"),
        ('"quoted"', "quoted"),
        ("[1, 'a']", [1, "a"]),
        ("(1, 2)", [1, 2]),
        ("{3}", [3]),
        ("{'a': {'b': [1]}}", {"a": {"b": [1]}}),
        ("b'bytes'", "bytes"),
        ("1+2j", "(1+2j)"),
        ("...", "..."),
        ("{{ other }}", "{{ other }}"),
        ("{{ 1 }}", "{{ 1 }}"),
        ("{{ {} }}", "{{ {} }}"),
        ("[unclosed", "[unclosed"),
        ("{[]: 1}", "{[]: 1}"),
        ("'\\d+'", "\\d+"),
        ("Truely", "Truely"),
        ("", ""),
        ("1 # one", 1),
        ("[" * 500, "[" * 500),
    ],
)
def test_values_are_literals_or_text(written: str, value: object) -> None:
    read = read_value(written, Origin("f", 1))
    assert read == value
    assert type(read) is type(value) or isinstance(read, SourceText)


def test_all_text_remembers_its_place(ini: Ini) -> None:
    inventory = ini("[web]\nweb1 a=b c=\"['{{ x }}', {'k': 'v'}]\"\n[web:vars]\nd =  e f\n")
    values = inventory.variables("web1")
    assert values["a"].origin.line == 2
    assert values["c"][0].origin.line == 2
    assert values["c"][1]["k"].origin.line == 2
    assert values["d"] == "e f"
    assert (values["d"].origin.line, values["d"].origin.column) == (4, 6)
    assert values["d"].origin.source.endswith("hosts.ini")


def test_vars_keep_what_follows(ini: Ini) -> None:
    inventory = ini("[web]\nw\n[web:vars]\nargs = -o A=b -o C=d\nquoted='with # hash'\nhash=not # a comment\nempty=\n")
    assert inventory.variables("w") == {
        "args": "-o A=b -o C=d",
        "quoted": "with # hash",
        "hash": "not # a comment",
        "empty": "",
    }


def test_a_hash_ends_a_host_line_unless_quoted(ini: Ini) -> None:
    inventory = ini("w a=1 # b=2\nx p='a#b'\n")
    assert inventory.variables("w") == {"a": 1}
    assert inventory.variables("x") == {"p": "a#b"}


def test_ipv6_hosts_are_not_sections(ini: Ini) -> None:
    inventory = ini("[web]\n[::1]:22\n[fe80::2]\n[a:b].lan x=1\n")
    assert list(inventory.hosts) == ["::1", "fe80::2", "a.lan", "b.lan"]


def test_windows_line_ends(ini: Ini) -> None:
    inventory = Inventory()
    read_ini("[web]\r\nw a=b\r\n[web:vars]\r\nc=d\r\n", "hosts", inventory)
    assert inventory.variables("w") == {"a": "b", "c": "d"}


def test_later_mentions_of_a_host_add_up(ini: Ini) -> None:
    inventory = ini("w:22 a=1 b=1\n[web]\nw:2222 b=2\n")
    assert inventory.variables("w") == {"a": 1, "b": 2, "ansible_port": 22}  # the first port counts
    assert inventory.group_names("w") == ["web"]


# Text that a person may want as a value: anything but line ends.
_TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\n\x00"), max_size=20)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), _TEXT, max_size=5))
def test_quoted_host_variables_come_back(variables: dict[str, str]) -> None:
    inventory = Inventory()
    line = "web1 " + " ".join(f"{name}={shlex.quote(repr(value))}" for name, value in variables.items())
    read_ini(line, "hosts", inventory)
    assert inventory.hosts["web1"].vars == variables


@given(st.lists(st.from_regex(r"[a-z]{1,5}=[^\s'\"\\#\[({.+0-9TFNbBuUrR-][^\s'\"\\#]{0,8}", fullmatch=True)))
def test_unquoted_words_are_those_of_shlex(words: list[str]) -> None:
    inventory = Inventory()
    read_ini("web1\t" + "  ".join(words), "hosts", inventory)
    expected = dict(word.split("=", 1) for word in shlex.split(" ".join(words)))
    assert inventory.hosts["web1"].vars == expected


_LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(_LITERALS)
def test_a_literal_in_vars_comes_back(value: object) -> None:
    inventory = Inventory()
    read_ini(f"[g]\nh\n[g:vars]\nv = {value!r}\n", "hosts", inventory)
    assert inventory.groups["g"].vars["v"] == value == ast.literal_eval(repr(value))
