"""What the data cases cannot say: errors, the clock, chance, and the file system."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import TemplateError
from stella_ops.origins import Origin, SourceText
from stella_ops.templating.templar import Templar


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ 5 | combine({}) }}", "failed to combine variables, expected dicts but got a 'int' and a 'dict'."),
        ("{{ {} | combine([1, 'a']) }}", "failed to combine variables, expected dicts but got a 'int' and a 'str'."),
        ("{{ {} | combine({}, list_merge='x') }}", "list_merge is one of replace"),
        ("{{ [] | dict2items }}", "dict2items requires a dictionary, got <class 'list'> instead."),
        ("{{ [{'a': 1}] | items2dict }}", "contain the keys 'key' and 'value'"),
        ("{{ 1 | union(['b']) }}", "'int' object is not iterable"),
        ("{{ [{'a': 1}] | subelements('b') }}", "could not find 'b' key in iterated item {'a': 1}"),
        ("{{ [{'a': 1}] | subelements('a') }}", "the key 'a' should point to a list, got 1"),
        ("{{ 'a' | regex_search('(') }}", "failed: missing ), unterminated subpattern"),
        ("{{ 'a' | regex_search('(a)', 'x') }}", "Unknown argument"),
        ("{{ 'aa' | regex_replace('a', 'b', mandatory_count=1) }}", "should match 1 times, but matches 2 times"),
        ("{{ '{' | from_json }}", "'ansible.builtin.from_json' failed: Expecting property name"),
        ("{{ '[' | from_yaml }}", "'ansible.builtin.from_yaml' failed: while parsing"),
        ("{{ 'a' | b64decode }}", "b64decode"),
        ("{{ 'a' | hash('sha2566') }}", "unsupported hash type sha2566"),
        ("{{ 'x' | to_datetime }}", "to_datetime"),
        ("{{ 'ten' | human_readable }}", "is not a number"),
        ("{{ '10Q' | human_to_bytes }}", "failed to convert 10Q (unit = Q)"),
        ("{{ -1 | log }}", "failed: math domain error"),
        ("{{ 'a' | comment('basic') }}", "Invalid style 'basic'."),
        ("{{ [] | random }}", "Cannot choose from an empty sequence"),
        ("{{ 'x' | to_uuid('y') }}", "Invalid value 'y' for 'namespace'"),
        ("{{ '1' is version('2', '=>') }}", "Invalid operator type (=>)"),
        ("{{ '1' is version('2', '<', version_type='semver') }}", "invalid semantic version"),
        ("{{ '' is version('2', '<') }}", "Input version value cannot be empty"),
        ("{{ 'x' is changed }}", "The 'changed' test expects a dictionary"),
        ("{{ 'a' is match('(') }}", "failed: missing ), unterminated subpattern"),
        ("{{ 5 is contains(1) }}", "int holds nothing"),
    ],
)
def test_misuse_is_told(render, text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(text)
    assert message in caught.value.message
    assert caught.value.where == "site.yml:9:5"


def test_times(render) -> None:
    assert render("{{ '%Y-%m-%d %H' | strftime(3600, utc=true) }}") == "1970-01-01 01"
    between = "(('2024-03-01' | to_datetime('%Y-%m-%d')) - ('2024-02-28' | to_datetime('%Y-%m-%d')))"
    assert render("{{ " + between + ".days }}") == 2
    assert render("after {{ " + between + " }}") == "after 2 days, 0:00:00"
    with pytest.raises(TemplateError, match="Type 'timedelta' is unsupported for variable storage"):
        render("{{ " + between + " }}")
    assert abs(render("{{ now() }}") - datetime.datetime.now()) < datetime.timedelta(minutes=1)
    assert render("{{ now(utc=true, fmt='%Y') }}") in render("{{ now(utc=true) }}").isoformat()


def test_chance_can_be_repeated_and_is_chance_otherwise(render) -> None:
    many = list(range(100))
    assert render("{{ l | shuffle(seed='s') }}", {"l": many}) == render("{{ l | shuffle(seed='s') }}", {"l": many})
    assert render("{{ l | shuffle }}", {"l": many}) != render("{{ l | shuffle }}", {"l": many})
    assert sorted(render("{{ l | shuffle }}", {"l": many})) == many
    assert render("{{ 10 | random(start=3, step=3) }}") in (3, 6, 9)


def test_files_of_the_controller(render, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("", encoding="utf-8")
    (tmp_path / "l").symlink_to(tmp_path / "gone")
    variables = {"d": str(tmp_path), "f": str(tmp_path / "f"), "l": str(tmp_path / "l")}
    text = "{{ [d is directory, f is directory, f is file, f is exists, d is abs] }}"
    assert render(text, variables) == [True, False, True, True, True]
    assert render("{{ [l is exists, l is link, l is link_exists] }}", variables) == [False, True, True]
    assert render("{{ (d ~ '/*') | fileglob }}", variables) == [str(tmp_path / "f")]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"changed": True}, {"changed": True, "failed": False, "skipped": False, "reachable": True}),
        ({"failed": True, "changed": False}, {"failed": True, "succeeded": False, "success": False}),
        ({"skipped": True}, {"skipped": True, "changed": False, "succeeded": True}),
        ({"unreachable": True}, {"unreachable": True, "reachable": False}),
        ({"results": [{"changed": False}, {"changed": True}]}, {"changed": True}),
    ],
)
def test_results_of_tasks(render, result: dict[str, Any], said: dict[str, bool]) -> None:
    for word, wanted in said.items():
        assert render("{{ r is " + word + " }}", {"r": result}) is wanted


def versions() -> st.SearchStrategy[str]:
    return st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(versions(), versions())
def test_versions_are_ordered_as_their_numbers(left: str, right: str) -> None:
    numbers = [[int(part) for part in each.split(".")] for each in (left, right)]
    for operator, wanted in (("<", numbers[0] < numbers[1]), ("==", numbers[0] == numbers[1])):
        text = SourceText(f"left is version(right, '{operator}')", Origin("p", 1))
        assert Templar().evaluate(text, {"left": left, "right": right}) is wanted


data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(data)
def test_documents_come_back_as_they_were(value: Any) -> None:
    for way in ("to_json | from_json", "to_nice_json | from_json", "to_yaml | from_yaml", "to_nice_yaml | from_yaml"):
        assert Templar().render(SourceText("{{ v | " + way + " }}", Origin("p", 1)), {"v": value}) == value


@given(st.text())
def test_base64_comes_back_as_it_was(value: str) -> None:
    text = SourceText("{{ v | b64encode | b64decode }}", Origin("p", 1))
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    assert Templar().render(text, {"v": value}) == value
