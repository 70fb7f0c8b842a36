"""How a session on the controller itself ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stella_ops.transport.base import ModuleCall


async def test_its_runner_has_ended_when_it_is_closed(local: Callable[..., Any]) -> None:
    """Else asyncio complains of it on standard error, once the event loop is closed: console runs several."""
    session = local()
    await session.call(ModuleCall(module="ping", args={}))
    assert not session.has_ended()
    await session.close()
    assert session.has_ended()
