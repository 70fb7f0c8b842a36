"""What every session has in common: one runner for each user that tasks run as, started when first needed."""

from __future__ import annotations

import abc
import asyncio
from typing import Any

from stella_ops.errors import NotYet, UnreachableError
from stella_ops.transport.base import Become, CommandResult, ConnectionSpec, Listener, ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.runner_client import RunnerClient

# A busy host takes long to start an interpreter, and sudo to ask its directory.
START_SECONDS = 30.0


class Session(abc.ABC):
    """A host's runners; subclasses know how to start one."""

    def __init__(self, spec: ConnectionSpec, code: CodeLibrary) -> None:
        self.spec = spec
        self._code = code
        self._runners: dict[Become | None, RunnerClient] = {}
        self._starts: dict[Become | None, asyncio.Task[RunnerClient]] = {}

    @abc.abstractmethod
    async def _start_runner(self, become: Become | None) -> RunnerClient:
        """Start the process and attach a client to it; the runner's greeting is not waited for."""

    @abc.abstractmethod
    async def raw(
        self, command: str, become: Become | None = None, timeout: float = 0, live: Listener | None = None
    ) -> CommandResult:
        """See ``HostSession.raw``."""

    async def call(self, call: ModuleCall, become: Become | None = None) -> dict[str, Any]:
        """See ``HostSession.call``."""
        runner = self._runners.get(become)
        if runner is None or not runner.alive:
            if call.link is not None and call.link.previous is not None:
                # Nobody logs in or asks sudo ahead of the turn: it could fail twice, or be for nothing.
                raise NotYet
            runner = await self._runner(become)
        return await runner.call(call)

    async def hello(self, become: Become | None = None) -> dict[str, Any]:
        """See ``HostSession.hello``."""
        runner = await self._runner(become)
        await runner.ready()
        return runner.hello

    async def close(self) -> None:
        """End all runners, those that are just starting too."""
        await self._cancel_starts()
        self._close_runners()

    async def _cancel_starts(self) -> None:
        starts = list(self._starts.values())
        for start in starts:
            start.cancel()
        await asyncio.gather(*starts, return_exceptions=True)

    def _close_runners(self, end_input: bool = True) -> None:
        for runner in self._runners.values():
            runner.close(end_input)
        self._runners.clear()

    async def _runner(self, become: Become | None) -> RunnerClient:
        """The runner of a user; whoever asks while it starts waits for the same start, and shares its failure."""
        known = self._runners.get(become)
        if known is not None and known.alive:
            return known
        start = self._starts.get(become)
        if start is None:
            start = self._starts[become] = asyncio.create_task(self._start(become))
            start.add_done_callback(lambda done: self._started(become, done))
        # Shielded: one of several who wait may be cancelled without ending the start of the others.
        try:
            return await asyncio.shield(start)
        except asyncio.CancelledError:
            waiting = asyncio.current_task()
            if start.cancelled() and waiting is not None and not waiting.cancelling():
                # Not who waits was cancelled but the start, by ``close``.
                raise UnreachableError("the session is closed", where=self.spec.name) from None
            raise

    async def _start(self, become: Become | None) -> RunnerClient:
        runner = await self._start_runner(become)
        runner.expect_hello(max(START_SECONDS, self.spec.connect_timeout))
        return runner

    def _started(self, become: Become | None, start: asyncio.Task[RunnerClient]) -> None:
        self._starts.pop(become, None)
        if not start.cancelled() and start.exception() is None:
            self._runners[become] = start.result()
