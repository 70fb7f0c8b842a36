"""What ``with_*`` loops over, against plain Python: whatever the values, and however they are nested."""

from __future__ import annotations

import itertools
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.playbook.loops import read_loop
from stella_ops.playbook.problems import Problems
from stella_ops.source_files import load_yaml
from stella_ops.templating.templar import Templar

plain = st.one_of(st.integers(-9, 9), st.booleans(), st.text("abz 1é", max_size=4))
lists = st.lists(plain, max_size=5)
nested = st.recursive(plain, lambda inner: st.lists(inner, max_size=3), max_leaves=12)
names = st.text("abcdef", min_size=1, max_size=4)


def items(keyword: str, terms: Any) -> Any:
    """What a task with this loop, written as YAML, loops over."""
    task = load_yaml(yaml.safe_dump({keyword: terms}, sort_keys=False), "site.yml")
    problems = Problems()
    loop = read_loop(task, problems)
    assert not problems.found
    return Templar().render(loop.items, loop.variables or {})


def flat(value: Any) -> list[Any]:
    return [leaf for one in value for leaf in flat(one)] if isinstance(value, list) else [value]


@given(st.lists(st.one_of(plain, lists, st.lists(lists, max_size=2)), max_size=5))
def test_items_are_flattened_by_one_level(terms: list[Any]) -> None:
    expected = [inner for term in terms for inner in (term if isinstance(term, list) else [term])]
    assert items("with_items", terms) == expected


@given(st.lists(st.one_of(plain, lists), max_size=5))
def test_a_list_is_taken_as_it_is(terms: list[Any]) -> None:
    assert items("with_list", terms) == terms
    assert items("loop", terms) == terms


@given(st.lists(nested, max_size=4))
def test_flattened_to_the_ground(terms: list[Any]) -> None:
    assert items("with_flattened", terms) == flat(terms)


@given(lists)
def test_indexed(terms: list[Any]) -> None:
    assert items("with_indexed_items", terms) == [list(pair) for pair in enumerate(terms)]


@given(st.lists(st.lists(plain, min_size=1, max_size=3), min_size=1, max_size=3))
def test_every_combination_in_order(terms: list[list[Any]]) -> None:
    expected = [list(one) for one in itertools.product(*terms)]
    if len(terms) > 1:  # one list has to hold lists, as in ansible-core
        assert items("with_nested", terms) == expected
    assert items("with_cartesian", terms) == expected


@given(st.lists(lists, min_size=1, max_size=3))
def test_side_by_side_with_none_where_one_is_short(terms: list[list[Any]]) -> None:
    assert items("with_together", terms) == [list(one) for one in itertools.zip_longest(*terms)]


@given(st.dictionaries(names, st.one_of(plain, lists), max_size=5))
def test_a_mapping(terms: dict[str, Any]) -> None:
    assert items("with_dict", terms) == [{"key": key, "value": value} for key, value in terms.items()]


@given(st.lists(st.fixed_dictionaries({"name": names, "keys": lists}), max_size=4))
def test_elements_below(terms: list[dict[str, Any]]) -> None:
    expected = [[{"name": one["name"], "keys": one["keys"]}, key] for one in terms for key in one["keys"]]
    made = items("with_subelements", [terms, "keys"])
    assert [[pair[0]["name"], pair[1]] for pair in made] == [[pair[0]["name"], pair[1]] for pair in expected]


@given(st.integers(-20, 20), st.integers(0, 30), st.integers(1, 5))
def test_a_sequence(start: int, length: int, stride: int) -> None:
    made = items("with_sequence", f"start={start} end={start + length} stride={stride} format=n%02d")
    assert made == [f"n{number:02d}" for number in range(start, start + length + 1, stride)]
