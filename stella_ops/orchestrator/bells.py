"""Wakes requests of agents that wait for a task, when there is one or when the server stops."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Bells:
    """A bell for each request that waits. All of it belongs to the event loop, ``ring_from_thread`` excepted."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stopped = False

    @contextlib.contextmanager
    def listen(self, agent_id: str) -> Iterator[asyncio.Event]:
        """An agent's bell. Listen first and look then: what comes between the look and the wait has rung it."""
        self._loop = asyncio.get_running_loop()
        bell = asyncio.Event()
        self._waiting.setdefault(agent_id, set()).add(bell)
        try:
            yield bell
        finally:
            others = self._waiting[agent_id]
            others.discard(bell)
            if not others:
                del self._waiting[agent_id]

    def ring(self, agent_id: str) -> None:
        """Wake those that wait for this agent."""
        for bell in self._waiting.get(agent_id, ()):
            bell.set()

    def ring_from_thread(self, agent_id: str) -> None:
        """``ring``, from another thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self.ring, agent_id)

    def stop(self) -> None:
        """Wake all; who looks at ``stopped`` does not wait any more."""
        self.stopped = True
        for agent_id in list(self._waiting):
            self.ring(agent_id)


async def rung(bell: asyncio.Event, seconds: float) -> None:
    """Return when a bell has rung, and silence it, or when the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await bell.wait()
    bell.clear()
