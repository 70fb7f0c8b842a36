from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.cli.extra_vars import parse_extra_vars
from stella_ops.errors import MissingVariablesError, ParseError, UsageError
from stella_ops.origins import SourceText


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["a=1"], {"a": "1"}),
        (["a=1 b='x y' c=\"z\""], {"a": "1", "b": "x y", "c": "z"}),
        (["a="], {"a": ""}),
        (["a=b=c"], {"a": "b=c"}),
        (['{"a": 1, "b": [true, null]}'], {"a": 1, "b": [True, None]}),
        (["{a: x, b: {c: 2}}"], {"a": "x", "b": {"c": 2}}),
        (["a: x y"], {"a": "x y"}),
        (["a=1", "a=2 b=3", '{"b": 4}'], {"a": "2", "b": 4}),
        ([" a=1 "], {"a": "1"}),
        (["{}"], {}),
        ([], {}),
    ],
)
def test_forms(values: list[str], found: dict[str, Any]) -> None:
    assert parse_extra_vars(values) == found


def test_files(tmp_path: Path) -> None:
    (tmp_path / "v.yml").write_text("a: 1\nb: two\n")
    (tmp_path / "v.json").write_text('{"a": 2}')
    (tmp_path / "empty.yml").write_text("---\n")
    files = [f"@{tmp_path}/{name}" for name in ("v.yml", "v.json", "empty.yml")]
    assert parse_extra_vars(files) == {"a": 2, "b": "two"}


@pytest.mark.parametrize("value", ["word", "'open", "=x", "[1, 2]", "a=1 b"])
def test_what_is_no_variable(value: str) -> None:
    with pytest.raises(UsageError):
        parse_extra_vars([value])


@pytest.mark.parametrize("value", ["{a: ", '{"a": 1, "a": 2}'])
def test_what_cannot_be_read(value: str) -> None:
    with pytest.raises(ParseError):
        parse_extra_vars([value])


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(MissingVariablesError, match="/no/such/file"):
        parse_extra_vars(["@/no/such/file"])


def test_values_are_templates_and_know_where_they_come_from() -> None:
    found = parse_extra_vars(["a='{{ b }}'", "{c: '{{ d }}'}"])
    assert isinstance(found["a"], SourceText) and isinstance(found["c"], SourceText)
    assert str(found["a"].origin) == "--extra-vars"


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True), st.text(), max_size=5))
def test_any_mapping_survives_json(values: dict[str, str]) -> None:
    assert parse_extra_vars([json.dumps(values)]) == values
