from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.actions import debug
from stella_ops.actions.base import ActionFailure
from stella_ops.errors import TemplateError


async def test_messages(make_context: Callable[..., Any]) -> None:
    assert await debug.run(make_context(), {"msg": [1, "two"]}) == {"msg": [1, "two"]}
    assert await debug.run(make_context(), {}) == {"msg": "Hello world!"}


async def test_expressions(make_context: Callable[..., Any], written: Callable[[str], Any]) -> None:
    context = make_context(x={"k": [1, 2]}, y="{{ x.k[1] }}")
    assert await debug.run(context, {"var": written("x.k | sum")}) == {"x.k | sum": 3}
    assert await debug.run(context, {"var": written("y")}) == {"y": 2}
    assert await debug.run(context, {"var": written("nothing")}) == {
        "nothing": "<< error 1 - 'nothing' is undefined >>"
    }
    with pytest.raises(TemplateError):
        await debug.run(context, {"var": written("x +")})


async def test_not_both(make_context: Callable[..., Any]) -> None:
    with pytest.raises(ActionFailure, match="mutually exclusive"):
        await debug.run(make_context(), {"msg": "x", "var": "y"})


@pytest.mark.parametrize(("verbosity", "shown"), [(0, False), (1, False), (2, True)])
async def test_verbosity(make_context: Callable[..., Any], verbosity: int, shown: bool) -> None:
    result = await debug.run(make_context(ansible_verbosity=verbosity), {"msg": "x", "verbosity": "2"})
    assert ("msg" in result) is shown and bool(result.get("skipped")) is not shown
