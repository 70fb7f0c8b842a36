"""The controller itself as a host (``ansible_connection: local``): the same runner, without SSH."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import getpass
import os
import signal
from typing import Any, cast

from stella_ops.errors import NotYet, TunnelError
from stella_ops.transport.base import Become, CommandResult, ConnectionSpec, Listener, ModuleCall, RemoteSocket
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.launch import launch
from stella_ops.transport.raw import RawExchange
from stella_ops.transport.runner_client import RunnerClient
from stella_ops.transport.session import Session
from stella_ops.transport.traffic import Endpoint, Traffic

LAST_WORDS_SECONDS = 1.0
_END_SECONDS = 1.0


class _LocalWire(asyncio.SubprocessProtocol):
    """Connects a subprocess's pipes with a runner client."""

    def __init__(self, client: RunnerClient) -> None:
        self._client = client
        self._stdin: asyncio.WriteTransport | None = None
        self._process: asyncio.SubprocessTransport | None = None
        self.ended = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._open = {1, 2}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._process = cast(asyncio.SubprocessTransport, transport)
        self._stdin = cast(asyncio.WriteTransport, self._process.get_pipe_transport(0))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self._client.data_received(data)
        else:
            self._client.stderr_received(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self._lost()

    def process_exited(self) -> None:
        self.ended.set()
        self._writable.set()
        # The last of its output may still be on its way, or be held open by what it left behind.
        asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._lost)

    def _lost(self) -> None:
        self._writable.set()
        self._client.connection_lost(None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def write(self, data: bytes) -> None:
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(data)

    async def drain(self) -> None:
        await self._writable.wait()

    def close(self) -> None:
        if self._stdin is not None:
            self._stdin.close()

    def abort(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.get_pid(), signal.SIGKILL)


class LocalSession(Session):
    """Modules run on the controller, through a runner subprocess."""

    def __init__(self, spec: ConnectionSpec, code: CodeLibrary) -> None:
        super().__init__(spec, code)
        self._processes: list[tuple[asyncio.SubprocessTransport, _LocalWire]] = []

    async def _start_runner(self, become: Become | None) -> RunnerClient:
        start = launch(self.spec.interpreter, become, name=self.spec.name)
        client = RunnerClient(self.spec.name, start, become, self._code)
        loop = asyncio.get_running_loop()
        transport, wire = await loop.subprocess_exec(
            lambda: _LocalWire(client), "/bin/sh", "-c", start.command, start_new_session=True
        )
        self._processes.append((transport, wire))
        client.attach(wire)
        return client

    async def call(self, call: ModuleCall, become: Become | None = None) -> dict[str, Any]:
        # What is prepared ahead might read what the task before it writes: here that is the same machine.
        if call.link is not None:
            if call.link.previous is not None:
                raise NotYet
            call = dataclasses.replace(call, link=None)
        if self.spec.folder is not None:
            call = dataclasses.replace(call, folder=self.spec.folder)
        return await super().call(call, become)

    async def raw(
        self, command: str, become: Become | None = None, timeout: float = 0, live: Listener | None = None
    ) -> CommandResult:
        exchange = RawExchange(command, become, name=self.spec.name, live=live)
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            exchange.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            cwd=self.spec.folder,
        )
        assert process.stdin and process.stdout and process.stderr
        try:
            async with asyncio.timeout(timeout or None):
                await exchange.run(process.stdin, process.stdout, process.stderr)
                status = await process.wait()
        except TimeoutError:
            raise exchange.too_late(timeout) from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return exchange.result(status)

    async def login(self) -> str:
        """See ``HostSession.login``."""
        return getpass.getuser()

    async def listen(self, path: str, endpoint: Endpoint, traffic: Traffic) -> RemoteSocket:
        """This machine's agent calls the orchestrator as we would: raises TunnelError."""
        raise TunnelError(
            "a host with the connection 'local' needs no tunnel: its agent has the network that this machine has",
            where=self.spec.name,
        )

    def has_ended(self) -> bool:
        """Whether all processes that it started have ended, as far as we have heard."""
        return all(wire.ended.is_set() for _, wire in self._processes)

    async def close(self) -> None:
        await super().close()
        for transport, _ in self._processes:
            transport.close()
        # Nobody is left to hear of their ends once this run's event loop is closed, and asyncio complains of that.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                for _, wire in self._processes:
                    await wire.ended.wait()
