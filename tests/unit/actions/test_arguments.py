from __future__ import annotations

from typing import Any

import pytest

from stella_ops.actions.arguments import settle
from stella_ops.actions.base import ActionError, ActionFailure

SPEC: dict[str, dict[str, Any]] = {
    "flag": {"type": "bool", "default": True},
    "count": {"type": "int"},
    "text": {"type": "str", "aliases": ["words"]},
    "kind": {"type": "str", "choices": ["a", "b"]},
    "items": {"type": "list"},
    "table": {"type": "dict"},
    "any": {"type": "raw"},
}


@pytest.mark.parametrize(
    ("given", "settled"),
    [
        ({"flag": "no"}, {"flag": False}),
        ({"flag": "Yes"}, {"flag": True}),
        ({"flag": 0}, {"flag": False}),
        ({"count": "12"}, {"count": 12}),
        ({"count": 2.0}, {"count": 2}),
        ({"words": 5}, {"text": "5"}),
        ({"kind": "b"}, {"kind": "b"}),
        ({"items": "x, y"}, {"items": ["x", "y"]}),
        ({"items": ["x"]}, {"items": ["x"]}),
        ({"any": {"k": 1}, "_raw_params": "free"}, {"any": {"k": 1}, "_raw_params": "free"}),
        ({"text": None}, {"text": None}),
        ({}, {}),
    ],
)
def test_types_and_names(given: dict[str, Any], settled: dict[str, Any]) -> None:
    assert settle(SPEC, given) == settled


@pytest.mark.parametrize(
    "given",
    [
        {"flag": "maybe"},
        {"count": "few"},
        {"count": True},
        {"count": 1.5},
        {"text": ["a"]},
        {"kind": "c"},
        {"table": "x"},
    ],
)
def test_what_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(ActionFailure):
        settle(SPEC, given)


def test_what_is_needed() -> None:
    with pytest.raises(ActionFailure, match="missing required arguments: dest"):
        settle({"dest": {"required": True}}, {"dest": None})


def test_an_action_that_takes_anything() -> None:
    assert settle(None, {"x": "no"}) == {"x": "no"}


@pytest.mark.parametrize(
    ("given", "answered", "is_error"),
    [
        ({}, (), True),
        ({}, ("missing",), False),
        ({}, ("wrong",), True),
        ({"count": "x"}, ("wrong",), False),
        ({"count": "x"}, ("missing",), True),
        ({"count": 1, "other": 1}, ("wrong",), False),
        ({"other": 1}, ("missing",), False),
        ({"count": 1, "other": 1}, ("missing",), True),
    ],
)
def test_what_an_action_answers_for(given: dict[str, Any], answered: tuple[str, ...], is_error: bool) -> None:
    with pytest.raises(ActionFailure) as told:
        settle({"count": {"type": "int", "required": True}}, given, answered=answered)
    assert isinstance(told.value, ActionError) is is_error
