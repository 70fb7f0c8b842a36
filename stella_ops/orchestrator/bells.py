"""Wakes requests of agents that wait for a task, when there is one or when the server stops."""

from __future__ import annotations

import asyncio
import contextlib


class Bells:
    """A bell for each agent that waits. All of it belongs to the event loop, ``ring_from_thread`` excepted."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stopped = False

    async def wait(self, agent_id: str, seconds: float) -> None:
        """Return when the agent's bell rings, all bells do, or the time is over."""
        if self.stopped:
            return
        self._loop = asyncio.get_running_loop()
        bell = asyncio.Event()
        self._waiting.setdefault(agent_id, set()).add(bell)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await bell.wait()
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
        """Wake all, and let none wait any more."""
        self.stopped = True
        for agent_id in list(self._waiting):
            self.ring(agent_id)
