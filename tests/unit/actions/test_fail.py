from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.actions import fail
from stella_ops.actions.base import ActionFailure


@pytest.mark.parametrize(("args", "said"), [({}, "Failed as requested from task"), ({"msg": "own"}, "own")])
async def test_fails(make_context: Callable[..., Any], args: dict[str, Any], said: str) -> None:
    with pytest.raises(ActionFailure) as caught:
        await fail.run(make_context(), args)
    assert caught.value.result == {"failed": True, "msg": said}
