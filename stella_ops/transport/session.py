"""What every session has in common: one runner for each user that tasks run as, started when first needed."""

from __future__ import annotations

import abc
import asyncio
from typing import Any

from stella_ops.transport.base import Become, CommandResult, ConnectionSpec, ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.runner_client import RunnerClient


class Session(abc.ABC):
    """A host's runners; subclasses know how to start one."""

    def __init__(self, spec: ConnectionSpec, code: CodeLibrary) -> None:
        self.spec = spec
        self._code = code
        self._runners: dict[Become | None, RunnerClient] = {}
        self._starting = asyncio.Lock()

    @abc.abstractmethod
    async def _start_runner(self, become: Become | None) -> RunnerClient:
        """Start the process and attach a client to it."""

    @abc.abstractmethod
    async def raw(self, command: str, become: Become | None = None, timeout: float = 0) -> CommandResult:
        """See ``HostSession.raw``."""

    async def call(self, call: ModuleCall, become: Become | None = None) -> dict[str, Any]:
        """See ``HostSession.call``."""
        runner = self._runners.get(become) or await self._runner(become)
        return await runner.call(call)

    async def hello(self, become: Become | None = None) -> dict[str, Any]:
        """See ``HostSession.hello``."""
        return (await self._runner(become)).hello

    async def close(self) -> None:
        """End all runners."""
        for runner in self._runners.values():
            runner.close()
        self._runners.clear()

    async def _runner(self, become: Become | None) -> RunnerClient:
        async with self._starting:
            known = self._runners.get(become)
            if known is None:
                known = await self._start_runner(become)
                try:
                    async with asyncio.timeout(max(30.0, self.spec.connect_timeout)):
                        await known.ready()
                except TimeoutError:
                    known.connection_lost("the host did not answer in time")
                    await known.ready()
                self._runners[become] = known
            return known
