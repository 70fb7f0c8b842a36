"""The items of a loop on one host, sent before those ahead of them are answered: a loop costs one round trip.

As with tasks (``ahead.py``) the host runs each after the one before it, and only if that one went well. A loop goes
on behind an item that failed, though. Those that the host has passed over raise ``NotYet`` and are begun again in
their turn; so each runs once, in order. Which loops may do that ``traits.items_may_follow`` tells.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from stella_ops.engine.begun import DEPTH, Begun, forget, is_full, meanwhile
from stella_ops.engine.outcome import Outcome
from stella_ops.errors import NotYet
from stella_ops.transport.base import Link


class ItemsAhead:
    """Asked for the items' outcomes one after the other.

    Args:
        count: how many there are.
        item: runs the item of a number; raises ``NotYet`` when it cannot run ahead of its turn.
    """

    def __init__(self, count: int, item: Callable[[int, Link], Coroutine[Any, Any, Outcome]]) -> None:
        self._count = count
        self._item = item
        self._queue: deque[Begun[int]] = deque()

    async def outcome(self, index: int) -> Outcome:
        """What the item whose turn has come comes to; while it runs, those after it begin.

        Raises:
            UnreachableError: the host is lost.
        """
        begun = self._queue.popleft() if self._queue else None
        if begun is None or begun.undecided:
            begun = await self._begin_anew(index)
        try:
            try:
                return await self._wait(begun)
            except NotYet:
                begun = await self._begin_anew(index)
                return await self._wait(begun)
        except BaseException:
            await forget((begun, *self._queue))
            raise

    async def _begin_anew(self, index: int) -> Begun[int]:
        dropped, self._queue = self._queue, deque()
        await forget(dropped)
        return self._begin(index, None)

    def _begin(self, index: int, previous: Begun[int] | None) -> Begun[int]:
        link = Link(previous.link if previous is not None else None)
        return Begun(index, link, asyncio.create_task(self._item(index, link)), previous)

    async def _wait(self, begun: Begun[int]) -> Outcome:
        if len(self._queue) >= DEPTH // 2 or self._last(begun).unit + 1 >= self._count:
            return await begun.running
        return await meanwhile(begun.running, self._look_ahead(begun))

    def _last(self, current: Begun[int]) -> Begun[int]:
        return self._queue[-1] if self._queue else current

    async def _look_ahead(self, current: Begun[int]) -> None:
        last = self._last(current)
        while last.unit + 1 < self._count:
            await last.link.sent.wait()
            if last.stuck or not last.link.final or is_full(self._queue):
                return
            last = self._begin(last.unit + 1, last)
            self._queue.append(last)
