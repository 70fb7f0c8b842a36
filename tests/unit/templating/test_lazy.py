from __future__ import annotations

import copy
import json
import operator
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.origins import Origin, SourceText, VaultedText
from stella_ops.templating.lazy import finalize
from stella_ops.templating.scope import Scope
from stella_ops.templating.templar import Templar
from stella_ops.templating.undefined import MissingValue

PLACE = Origin("v.yml", 1)


def source(text: str) -> SourceText:
    return SourceText(text, PLACE)


def lazy(raw: Any) -> Any:
    return Scope({"raw": raw, "x": 5}).lookup("raw")


WAYS_TO_READ_A_DICT = {
    "[]": lambda d: {"a": d["a"]},
    "get": lambda d: {"a": d.get("a")},
    "items": lambda d: dict(d.items()),
    "values": lambda d: {"a": next(iter(d.values()))},
    "dict()": dict,
    "**": lambda d: {**d},
    "|": lambda d: d | {},
    "ror": lambda d: {} | d,
    "update": lambda d: (made := {}, made.update(d))[0],
    "copy": lambda d: d.copy(),
    "copy.copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda d: pickle.loads(pickle.dumps(d)),
    "pop": lambda d: {"a": d.pop("a")},
    "popitem": lambda d: dict([d.popitem()]),
    "setdefault": lambda d: {"a": d.setdefault("a", 0)},
    "json": lambda d: json.loads(json.dumps(d)),
    "finalize": finalize,
    "comprehension": lambda d: {key: d[key] for key in d},
}


@pytest.mark.parametrize("way", WAYS_TO_READ_A_DICT)
def test_a_dict_shows_no_raw_value(way: str) -> None:
    assert repr(WAYS_TO_READ_A_DICT[way](lazy({"a": source("{{ x }}")}))) == "{'a': 5}"


WAYS_TO_READ_A_LIST = {
    "[]": lambda v: [v[0]],
    "[-1]": lambda v: [v[-1]],
    "slice": lambda v: v[:],
    "iter": lambda v: [item for item in v],  # noqa: C416
    "list()": list,
    "*": lambda v: [*v],
    "+": lambda v: operator.add(v, []),
    "radd": lambda v: operator.add([], v),
    "extend": lambda v: (made := [], made.extend(v))[0],
    "*1": lambda v: v * 1,
    "sorted": sorted,
    "reversed": lambda v: list(reversed(v)),
    "set": lambda v: list(set(v)),
    "copy": lambda v: v.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda v: pickle.loads(pickle.dumps(v)),
    "pop": lambda v: [v.pop()],
    "join": lambda v: [int("".join(map(str, v)))],
    "json": lambda v: json.loads(json.dumps(v)),
    "finalize": finalize,
    "sum": lambda v: [sum(v)],
    "index": lambda v: [v[v.index(5)]],
    "max": lambda v: [max(v)],
}


@pytest.mark.parametrize("way", WAYS_TO_READ_A_LIST)
def test_a_list_shows_no_raw_value(way: str) -> None:
    assert repr(WAYS_TO_READ_A_LIST[way](lazy([source("{{ x }}")]))) == "[5]"


def test_comparing_and_searching() -> None:
    made = lazy({"l": [source("{{ x }}")]})
    assert made == {"l": [5]}
    assert operator.eq({"l": [5]}, made)
    assert operator.ne(made, {"l": [5]}) is False
    assert 5 in made["l"]
    assert made["l"].count(5) == 1
    assert operator.eq([5], made["l"])
    assert made in [{"l": [5]}]


def test_what_is_not_looked_at_is_not_rendered() -> None:
    made = lazy({"good": source("{{ x }}"), "bad": source("{{ nope }}"), "worse": source("{{ 1 + }}")})
    assert made["good"] == 5
    assert isinstance(made["bad"], MissingValue)
    assert list(made) == ["good", "bad", "worse"]
    assert len(made) == 3


def test_an_element_may_name_its_neighbour() -> None:
    raw = {"base": "/opt", "bin": source("{{ raw.base }}/bin"), "all": [source("{{ raw.bin }}")]}
    assert finalize(lazy(raw)) == {"base": "/opt", "bin": "/opt/bin", "all": ["/opt/bin"]}


def test_what_can_be_read_once_is_finalized_as_lists_are() -> None:
    secret = VaultedText("hidden")
    assert finalize((item for item in [[secret]]), vaulted=True)[0][0] is secret
    assert finalize((item for item in [[MissingValue(name="x")]]), missing=lambda value: "a mark") == [["a mark"]]


def test_all_variables_are_gathered_once() -> None:
    scope = Scope({"x": source("{{ 1 + 1 }}")})
    assert scope.lookup("vars")["x"] == 2
    assert scope.lookup("vars") is scope.lookup("vars")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(plain)
def test_data_passes_through_unchanged(data: Any) -> None:
    before = copy.deepcopy(data)
    for text in ("{{ data }}", "{{ holder.inner }}", "{{ [data][0] }}"):
        made = Templar().render(source(text), {"data": data, "holder": {"inner": source("{{ data }}")}})
        assert made == before
    assert data == before


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12))
def test_chains_of_variables_end_in_the_value_or_name_the_loop(steps: list[int]) -> None:
    """Each variable names the next; a chain that comes back on itself is told, any other gives the value."""
    from stella_ops.errors import TemplateError

    names = [f"v{step}" for step in steps]
    variables: dict[str, Any] = {}
    for name, following in zip(names, [*names[1:], "end"], strict=True):
        variables[name] = source("{{ " + following + " }}")
    variables["end"] = 42
    seen, current = set(), names[0]
    while current != "end" and current not in seen:
        seen.add(current)
        current = str(variables[current])[3:-3]
    if current == "end":
        assert Templar().render(source("{{ " + names[0] + " }}"), variables) == 42
    else:
        with pytest.raises(TemplateError, match="needs itself"):
            Templar().render(source("{{ " + names[0] + " }}"), variables)


@given(st.text(max_size=30))
def test_any_data_survives_a_template_around_it(text: str) -> None:
    variables = {"data": text, "v": source("{{ data }}")}
    assert Templar().render(source("{{ v }}"), variables) == text
    assert Templar().render(source("<{{ v }}>"), variables) == f"<{text}>"
    assert Templar().render_file("<{{ v }}>", "f.j2", variables) == f"<{text}>"
