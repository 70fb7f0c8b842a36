from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.actions.base import ActionFailure
from stella_ops.errors import UndefinedVariableError

action = importlib.import_module("stella_ops.actions.assert")  # the name is a keyword


async def test_all_must_hold(make_context: Callable[..., Any], written: Callable[[str], Any]) -> None:
    context = make_context(x=3)
    result = await action.run(context, {"that": [written("x > 2"), True, written("x is defined")]})
    assert result["msg"] == "All assertions passed"
    result = await action.run(context, {"that": written("x == 3"), "success_msg": "fine", "quiet": True})
    assert (result["msg"], result["_ansible_verbose_always"]) == ("fine", False)


async def test_the_first_that_does_not_is_named(
    make_context: Callable[..., Any], written: Callable[[str], Any]
) -> None:
    with pytest.raises(ActionFailure) as caught:
        await action.run(make_context(x=3), {"that": [written("x > 2"), written("x > 5"), False], "msg": "own words"})
    assert caught.value.result == {
        "failed": True,
        "msg": "own words",
        "assertion": "x > 5",
        "evaluated_to": False,
        "_ansible_verbose_always": True,
    }


async def test_an_undefined_name_is_an_error(make_context: Callable[..., Any], written: Callable[[str], Any]) -> None:
    with pytest.raises(UndefinedVariableError):
        await action.run(make_context(), {"that": written("nothing == 1")})
