from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.actions import set_fact
from stella_ops.actions.base import ActionFailure


async def test_arguments_become_variables(make_context: Callable[..., Any]) -> None:
    result = await set_fact.run(make_context(), {"a": 1, "b": [2], "cacheable": "yes"})
    assert result == {"ansible_facts": {"a": 1, "b": [2]}, "_variables": True, "_cacheable": True}


@pytest.mark.parametrize("args", [{}, {"cacheable": True}, {"not a name": 1}, {"1st": 1}, {"a-b": 1}])
async def test_what_is_no_variable(make_context: Callable[..., Any], args: dict[str, Any]) -> None:
    with pytest.raises(ActionFailure):
        await set_fact.run(make_context(), args)
