import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import PatternError
from stella_ops.inventory.model import Inventory
from stella_ops.inventory.patterns import parse_pattern
from stella_ops.origins import Origin, SourceText

INI = """
first
[web]
web1
web2
web3
[db]
db1
web3
[prod:children]
web
db
[empty]
[v6]
::1
2001:db8::5
"""


@pytest.fixture
def inventory(ini: Callable[[str], Inventory]) -> Inventory:
    return ini(INI)


ALL = ["first", "::1", "2001:db8::5", "web1", "web2", "web3", "db1"]


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("web", ["web1", "web2", "web3"]),
        ("web1", ["web1"]),
        ("web1:db1", ["web1", "db1"]),
        ("db1:web1", ["db1", "web1"]),
        ("db1,web1", ["db1", "web1"]),
        ("db1, web1", ["db1", "web1"]),
        ("db1 web1", ["db1", "web1"]),
        (",web1:,", ["web1"]),
        ("web:db", ["web1", "web2", "web3", "db1"]),
        ("web:&db", ["web3"]),
        ("&db:web", ["web3"]),
        ("web:!db", ["web1", "web2"]),
        ("!db:web", ["web1", "web2"]),
        ("web,!db,&prod", ["web1", "web2"]),
        ("!prod", ["first", "::1", "2001:db8::5"]),
        ("&db", ["web3", "db1"]),
        ("prod", ["web1", "web2", "web3", "db1"]),
        ("ungrouped", ["first"]),
        ("empty", []),
        ("empty:web1", ["web1"]),
        ("web*", ["web1", "web2", "web3"]),
        ("web[13]", None),
        ("web?", ["web1", "web2", "web3"]),
        ("*b1", ["web1", "db1"]),
        ("d*", ["db1", "web3"]),
        ("web[!1]", ["web2", "web3"]),
        ("~web[12]$", ["web1", "web2"]),
        ("~(web|db)1", ["web1", "db1"]),
        ("~(?:web|db)1:&web", ["web1"]),
        ("~web[1-2]$:!~web1", ["web2"]),
        ("~we{1,2}b{0,1}$", ["web1", "web2", "web3"]),
        (r"~web\d{1,1}$:first", ["web1", "web2", "web3", "first"]),
        ("web[0]", ["web1"]),
        ("web[-1]", ["web3"]),
        ("web[0:1]", ["web1", "web2"]),
        ("web[1:]", ["web2", "web3"]),
        ("web[:1]", ["web1", "web2"]),
        ("web[-2:]", ["web2", "web3"]),
        ("web[0:-2]", ["web1", "web2"]),
        ("web[1:99]", ["web2", "web3"]),
        ("web*[0]", ["web1"]),
        ("prod[0]:!web[0]", []),
        ("all:!web[1:]:!v6", ["first", "web1", "db1"]),
        ("::1", ["::1"]),
        ("::1,web1", ["::1", "web1"]),
        ("v6:!::1", None),
        ("v6,!::1", ["2001:db8::5"]),
        ("localhost", ["::1"]),  # one machine, one host
        ("127.0.0.1", ["::1"]),
        ("web1:localhost", ["web1", "::1"]),
    ],
)
def test_means(inventory: Inventory, pattern: str, hosts: list[str] | None) -> None:
    if hosts is None:
        with pytest.raises(PatternError):
            inventory.select(pattern)
    else:
        assert inventory.select(pattern) == hosts


@pytest.mark.parametrize("pattern", ["all", "*"])
def test_every_host(inventory: Inventory, pattern: str) -> None:
    assert sorted(inventory.select(pattern)) == sorted(ALL)
    assert inventory.select(pattern) == inventory.groups_to_hosts()["all"]
    assert "localhost" not in inventory.select(pattern)


def test_a_list_of_patterns(inventory: Inventory) -> None:
    assert inventory.select(["db", "web:!web1"]) == ["db1", "web3", "web2"]


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("wbe", "'wbe' matches no host or group", "did you mean 'web'?"),
        ("all:!dbb", "'dbb' matches no host or group", "did you mean 'db'?"),
        ("web:&prdo", "'prdo' matches no host or group", "did you mean 'prod'?"),
        ("db11", "'db11' matches no host or group", "did you mean 'db1'?"),
        ("zz*", "'zz*' matches no host or group", None),
        ("~zz", "'~zz' matches no host or group", None),
        ("wbe[0]", "'wbe' matches no host or group", "did you mean 'web'?"),
        ("web[3]", "'web[3]' names no host: 'web' has 3", "places run from 0 to 2"),
        ("web[-4]", "'web[-4]' names no host: 'web' has 3", "places run from 0 to 2"),
        ("web[2:1]", "'web[2:1]' names no host: 'web' has 3", "places run from 0 to 2"),
        ("~[", "'~[' is not a regular expression: unterminated character set at position 0", None),
        ("web:!", "'!' names no host or group", None),
        ("", "the host pattern is empty", "'all' means every host"),
        (" , :", "the host pattern is empty", "'all' means every host"),
        ([], "the host pattern is empty", "'all' means every host"),
    ],
)
def test_refuses(inventory: Inventory, pattern: str, message: str, hint: str | None) -> None:
    with pytest.raises(PatternError) as caught:
        inventory.select(pattern)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.where


def test_errors_carry_the_place_of_the_pattern(inventory: Inventory) -> None:
    with pytest.raises(PatternError) as caught:
        inventory.select(SourceText("web:nope", Origin("site.yml", 4, 10)))
    assert caught.value.where == "site.yml:4:10"
    with pytest.raises(PatternError) as caught:
        inventory.select([SourceText("web", Origin("site.yml", 4)), SourceText("nope", Origin("site.yml", 5))])
    assert caught.value.where == "site.yml:5"
    with pytest.raises(PatternError) as caught:
        inventory.select("web", "nope")
    assert caught.value.where == "--limit"


def test_without_hosts(ini: Callable[[str], Inventory]) -> None:
    nothing = ini("")
    assert nothing.select("all") == []
    assert nothing.select("localhost") == ["localhost"]
    assert ini("127.0.0.1\nother\n").select("localhost,other") == ["127.0.0.1", "other"], "one machine, one host"
    with pytest.raises(PatternError) as caught:
        nothing.select("web")
    assert caught.value.hint == "the inventory has no hosts: name one with -i"


@pytest.mark.parametrize(
    ("limit", "hosts"),
    [
        ("db", ["web3"]),
        ("web2,web1", ["web1", "web2"]),
        ("!db", ["web1", "web2"]),
        ("first", []),
        ("web[0]", ["web1"]),
        ("localhost", []),
    ],
)
def test_limit(inventory: Inventory, limit: str, hosts: list[str]) -> None:
    assert inventory.select("web", limit) == hosts


def test_limit_from_a_file(inventory: Inventory, write: Callable[..., Path]) -> None:
    path = write("my hosts.retry", "web1\n\n# done already: web2\nweb3\n!db\n")
    assert inventory.select("all", f"@{path}") == ["web1"]
    assert inventory.select("prod", f"@{write('only', 'web3')},db1") == ["web3", "db1"]
    assert inventory.select("all", f"@{write('empty', '')}") == []


def test_limit_file_errors(inventory: Inventory, write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("hosts.retry", "web1\nwbe2\n")
    with pytest.raises(PatternError) as caught:
        inventory.select("all", f"@{path}")
    assert caught.value.where == f"{path}:2"
    assert caught.value.hint in {"did you mean 'web2'?", "did you mean 'web'?"}
    with pytest.raises(PatternError, match="cannot read the host list"):
        inventory.select("all", f"@{tmp_path}/missing")


def test_a_host_wins_over_a_group_of_its_name(ini: Callable[[str], Inventory]) -> None:
    inventory = ini("[web]\nweb\nother\n")
    assert inventory.select("web") == ["web"]
    assert inventory.warnings == ["Found both group and host with same name: web; in patterns it means the host"]


# --- the model: set algebra ------------------------------------------------------------------------------

HOSTS = [f"h{number}" for number in range(6)]
GROUPS = ["ga", "gb", "gc"]


@st.composite
def _inventories(draw: st.DrawFn) -> tuple[Inventory, dict[str, set[str]]]:
    made = Inventory()
    members: dict[str, set[str]] = {name: {name} for name in HOSTS}
    for name in HOSTS:
        made.add_host(name)
    for group in GROUPS:
        made.add_group(group)
        members[group] = set(draw(st.lists(st.sampled_from(HOSTS))))
        for name in sorted(members[group]):
            made.add_host(name, [group])
    members["all"] = members["*"] = set(HOSTS)
    members["g*"] = members["ga"] | members["gb"] | members["gc"]
    members["~h[0-2]"] = {"h0", "h1", "h2"}
    return made, members


_TERMS = st.lists(
    st.tuples(st.sampled_from(["", "", "&", "!"]), st.sampled_from([*HOSTS, *GROUPS, "all", "*", "g*", "~h[0-2]"])),
    min_size=1,
    max_size=6,
)


def _meant(terms: list[tuple[str, str]], members: dict[str, set[str]]) -> set[str]:
    plain = [members[name] for operator, name in terms if not operator]
    result = set().union(*plain) if plain else set(HOSTS)
    for operator, name in terms:
        if operator == "&":
            result &= members[name]
    for operator, name in terms:
        if operator == "!":
            result -= members[name]
    return result


@given(_inventories(), _TERMS, st.sampled_from([":", ",", ", ", " "]))
def test_patterns_are_set_algebra(
    made: tuple[Inventory, dict[str, set[str]]], terms: list[tuple[str, str]], separator: str
) -> None:
    inventory, members = made
    selected = inventory.select(separator.join(operator + name for operator, name in terms))
    assert set(selected) == _meant(terms, members)
    assert len(selected) == len(set(selected))


@given(_inventories(), _TERMS, _TERMS)
def test_a_limit_is_an_intersection(
    made: tuple[Inventory, dict[str, set[str]]], terms: list[tuple[str, str]], limit: list[tuple[str, str]]
) -> None:
    inventory, members = made
    pattern = ":".join(operator + name for operator, name in terms)
    limited = inventory.select(pattern, ",".join(operator + name for operator, name in limit))
    unlimited = inventory.select(pattern)
    assert set(limited) == _meant(terms, members) & _meant(limit, members)
    assert limited == [name for name in unlimited if name in set(limited)]


@given(_inventories(), st.integers(-8, 8), st.integers(-8, 8))
def test_places_are_python_slices_with_both_ends(
    made: tuple[Inventory, dict[str, set[str]]], start: int, end: int
) -> None:
    inventory, _ = made
    hosts = inventory.select("all")
    expected = [h for i, h in enumerate(hosts) if (start % 6 if -6 <= start < 0 else start) <= i]
    stop = end + 6 if end < 0 else end
    expected = [h for h in expected if hosts.index(h) <= stop]
    if expected:
        assert inventory.select(f"all[{start}:{end}]") == expected
    else:
        with pytest.raises(PatternError):
            inventory.select(f"all[{start}:{end}]")


@given(st.text(max_size=15))
def test_any_text_is_a_pattern_or_a_pattern_error(text: str) -> None:
    inventory = Inventory()
    inventory.add_host("h1", ["web"])
    selected: set[str] = set()
    with contextlib.suppress(PatternError):
        selected = set(inventory.select(text))
    assert selected <= {"h1", "localhost", "127.0.0.1", "::1"}


@given(st.lists(st.from_regex(r"[&!]?[a-z0-9.*-]{1,6}(\[[0-9]\])?", fullmatch=True), min_size=1, max_size=5))
def test_terms_come_back_in_order(texts: list[str]) -> None:
    terms = parse_pattern(":".join(texts))
    assert [term.operator + term.text for term in terms] == texts
