"""Options of plug-ins as the types that their documentation declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stella_ops.origins import Origin, SourceText
from stella_ops.templating.plugins.both_errors import OptionWrong
from stella_ops.templating.plugins.option_types import converted, typed

HERE = Origin("x.yml", 1, 1)


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        *[("bool", value, True) for value in ("yes", "On", "1", 1, True)],
        *[("boolean", value, False) for value in ("no", "maybe", 0)],
        *[("int", "3", 3), ("integer", 3.0, 3), ("int", "1e2", 100), ("int", True, 1)],
        *[("float", "1.5", 1.5), ("float", 2, 2.0)],
        *[("list", "a, 'b c' ,\"d\"", ["a", "b c", "d"]), ("list", ("a",), ["a"]), ("list", [1], [1])],
        *[("dict", {"a": 1}, {"a": 1}), ("str", 1, "1"), ("string", "x", "x"), ("none", "None", None)],
        *[(None, 1, 1), ("raw", [1], [1]), ("json", "{}", "{}"), ("int", None, None)],
    ],
)
def test_what_becomes_of_a_value(kind: Any, value: Any, made: Any) -> None:
    assert converted(value, kind) == made
    assert type(converted(value, kind)) is type(made)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("int", value) for value in ("x", 1.5, "1.5", [1], "inf", "nan")],
        *[("float", "x"), ("float", [1]), ("list", 1), ("list", b"x"), ("dict", "x"), ("str", [1]), ("path", 1)],
        *[("pathlist", 1), ("pathspec", [1]), ("none", "x")],
    ],
)
def test_what_a_value_cannot_be(kind: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"Invalid value provided for '{kind}'"):
        converted(value, kind)
    with pytest.raises(OptionWrong, match=f"the option 'o' of type {kind} cannot be"):
        typed(value, kind, "the option 'o'")


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHERE", "over")
    monkeypatch.setenv("HOME", "/home/me")
    assert converted("$WHERE/x/../y", "path") == f"{tmp_path}/over/y"
    assert converted("{{CWD}}/a", "path") == f"{tmp_path}/a"
    assert converted("~/a, b", "pathlist") == ["/home/me/a", f"{tmp_path}/b"]
    assert converted("~/a:/b", "pathspec") == ["/home/me/a", "/b"]
    made = Path(converted("t", "tmppath"))
    assert (made.parent, made.is_dir()) == (tmp_path / "t", True)


def test_what_an_operator_wrote_may_still_be_a_template() -> None:
    text = SourceText("{{ a }}, {{ b }}", HERE)
    assert isinstance(converted(text, "str"), SourceText)
    assert [type(each) for each in converted(text, "list")] == [SourceText, SourceText]
    assert isinstance(converted(SourceText("/x", HERE), "path"), SourceText)
    assert type(converted("a,b", "list")[0]) is str


def test_choices() -> None:
    assert typed("a", "str", choices=["a", "b"]) == "a"
    assert typed(["a"], "list", choices={"a": "first", "b": "second"}) == ["a"]
    with pytest.raises(OptionWrong, match=r"Invalid value 'c' for the option 'o'\.") as told:
        typed("c", "str", "the option 'o'", ["a", "b"])
    assert told.value.hint == "Valid values are: a, b"
    with pytest.raises(OptionWrong, match="Invalid value"):
        typed("a,c", "list", "the option 'o'", ["a", "b"])
