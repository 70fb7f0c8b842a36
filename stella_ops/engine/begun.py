"""Work on a host that has begun, maybe ahead of its turn; see ``ahead.py`` and ``loop_ahead.py``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Coroutine
from typing import Any, Generic, TypeVar

from stella_ops.engine.outcome import Outcome
from stella_ops.engine.output import Turn
from stella_ops.transport.base import Link

Unit = TypeVar("Unit")

# As many units may wait on the host and here, and as many bytes of what was sent for them: enough to bridge a slow
# link, few enough to bound memory.
DEPTH = 32
IN_FLIGHT = 4 * 1024 * 1024


class Begun(Generic[Unit]):
    """A unit of work that has begun: a task, or an item of a loop.

    Args:
        unit: which one.
        link: its place in the chain.
        running: comes to what it comes to.
        previous: the one it follows, None for the first of a chain.
        turn: to be told when its turn has come.

    Attributes:
        began, ended: monotonic seconds.
        stuck: none may follow it before its own turn is over.
        undecided: it came to nothing ahead of its turn, and is to begin again in it.
    """

    __slots__ = ("began", "ended", "link", "running", "stuck", "turn", "undecided", "unit")

    def __init__(
        self,
        unit: Unit,
        link: Link,
        running: asyncio.Task[Outcome],
        previous: Begun[Unit] | None = None,
        turn: Turn | None = None,
    ) -> None:
        self.unit = unit
        self.link = link
        self.running = running
        self.turn = turn
        self.began = time.monotonic()
        self.ended = 0.0
        self.stuck = False
        self.undecided = False
        running.add_done_callback(lambda done: self._end(previous))

    def _end(self, previous: Begun[Unit] | None) -> None:
        self.ended = time.monotonic()
        failed = self.running.cancelled() or self.running.exception() is not None
        self.stuck = failed or self.running.result().status not in ("ok", "changed", "skipped")
        link = self.link
        if link.sent.is_set():
            return
        # It had nothing for the host to do: who follows it follows the one before.
        self.undecided = self.stuck and previous is not None
        if previous is None or self.stuck:
            self.stuck = True
        else:
            before = previous.link
            link.runner, link.task_id, link.final, link.here = before.runner, before.task_id, before.final, before.here
        link.previous = None
        link.sent.set()


async def meanwhile(running: asyncio.Task[Outcome], look: Coroutine[Any, Any, None]) -> Outcome:
    """What a unit comes to; while it runs, those after it begin.

    Args:
        look: begins them; ended with the unit.
    """
    looking = asyncio.create_task(look)
    try:
        return await running
    finally:
        looking.cancel()
        # Not awaited itself: whoever is cancelled just now has to hear of it.
        await asyncio.wait((looking,))
        if not looking.cancelled():
            looking.result()


def is_full(begun: Collection[Begun[Any]]) -> bool:
    """Whether no more may begin now."""
    return len(begun) >= DEPTH or sum(one.link.size for one in begun if not one.running.done()) >= IN_FLIGHT


async def forget(begun: Collection[Begun[Any]]) -> None:
    """End what has begun and will not be needed; where one before failed, the host has skipped it already."""
    for one in reversed(list(begun)):
        one.running.cancel()
    await asyncio.gather(*(one.running for one in begun), return_exceptions=True)
