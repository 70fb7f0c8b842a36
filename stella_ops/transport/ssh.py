"""Hosts over SSH, by asyncssh: one connection a host, one channel for each user that tasks run as."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import asyncssh

from stella_ops.errors import StellaError, UnreachableError
from stella_ops.transport.base import Become, CommandResult, ConnectionSpec, Listener
from stella_ops.transport.bulk import BulkWriter
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.connect import Connector, close_connection
from stella_ops.transport.launch import launch
from stella_ops.transport.nearness import is_here, is_near
from stella_ops.transport.piped import NearEnd, PipedCommand
from stella_ops.transport.raw import RawExchange
from stella_ops.transport.reverse import ReverseSocket
from stella_ops.transport.runner_client import RunnerClient
from stella_ops.transport.session import Session
from stella_ops.transport.traffic import Endpoint, Traffic

# A program's exit is told before the last of its output; this long is waited for that.
LAST_WORDS_SECONDS = 1.0


class _Wire(asyncssh.SSHClientSession[bytes]):
    """Connects an SSH channel with a runner client."""

    def __init__(self, client: RunnerClient) -> None:
        self._client = client
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._bulk: BulkWriter | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._ending: asyncio.TimerHandle | None = None
        self.opened = asyncio.Event()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan
        self._bulk = BulkWriter(chan)
        # The request to start the command goes out before the loop comes to this; what is written then follows
        # right behind it, without a round trip in between.
        asyncio.get_running_loop().call_soon(self._open)

    def _open(self) -> None:
        self._client.attach(self)
        self.opened.set()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self._client.stderr_received(data)
        else:
            self._client.data_received(data)

    def exit_status_received(self, status: int) -> None:
        self._ends()

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._ends()

    def _ends(self) -> None:
        # The channel stays open for as long as anything that a start-up file left behind holds its output.
        if self._ending is None:
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(LAST_WORDS_SECONDS, self.connection_lost, None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._writable.set()
        if self._bulk is not None:
            self._bulk.release()
        self._client.connection_lost(str(exc) if exc else None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def write(self, data: bytes | memoryview) -> None:
        if self._bulk is not None and self._channel is not None and not self._channel.is_closing():
            # A connection that breaks between the check and the write tells so through connection_lost.
            with contextlib.suppress(OSError):
                self._bulk.write(data)

    async def drain(self) -> None:
        await self._writable.wait()
        if self._bulk is not None:
            await self._bulk.drain()

    def close(self) -> None:
        if self._channel is not None and not self._channel.is_closing():
            with contextlib.suppress(OSError):
                self._channel.write_eof()

    def abort(self) -> None:
        if self._channel is not None:
            # sshd passes signals on since OpenSSH 7.9.
            with contextlib.suppress(OSError):
                self._channel.kill()
            self._channel.close()


class SshSession(Session):
    """One host over SSH. The connection opens with the first call; one that broke is opened anew by the next."""

    def __init__(self, spec: ConnectionSpec, code: CodeLibrary, connector: Connector) -> None:
        super().__init__(spec, code)
        self._connector = connector
        self._connection: asyncssh.SSHClientConnection | None = None
        self._connecting = asyncio.Lock()
        self._openings: set[asyncio.Task[None]] = set()

    async def _start_runner(self, become: Become | None) -> RunnerClient:
        start = launch(self.spec.interpreter, become, name=self.spec.name)
        connection = await self._connect()
        if not is_near(connection):
            start = launch(self.spec.interpreter, become, name=self.spec.name, bytecode=False)
        client = RunnerClient(self.spec.name, start, become, self._code)
        if is_here(connection):
            client.here = become.user if become is not None else str(connection.get_extra_info("username"))
        wire = _Wire(client)
        opening = asyncio.create_task(self._open_channel(connection, wire, start.command))
        opened = asyncio.create_task(wire.opened.wait())
        try:
            await asyncio.wait((opening, opened), return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            opening.cancel()
            raise
        finally:
            opened.cancel()
        if opening.done():
            opening.result()
        else:
            self._openings.add(opening)
            opening.add_done_callback(lambda done: self._opening_ended(done, client))
        return client

    async def _open_channel(self, connection: asyncssh.SSHClientConnection, wire: _Wire, command: str) -> None:
        try:
            # The person's configuration may ask for a terminal or a command of its own; neither is for us.
            await connection.create_session(
                lambda: wire, command, request_pty=False, x11_forwarding=False, encoding=None
            )
        except (asyncssh.Error, OSError) as problem:
            raise self._no_session(problem) from None

    def _opening_ended(self, opening: asyncio.Task[None], client: RunnerClient) -> None:
        """The host has said whether it starts the command."""
        self._openings.discard(opening)
        problem = None if opening.cancelled() else opening.exception()
        if isinstance(problem, StellaError):
            client.fail(problem)

    async def raw(
        self, command: str, become: Become | None = None, timeout: float = 0, live: Listener | None = None
    ) -> CommandResult:
        exchange = RawExchange(command, become, name=self.spec.name, live=live)
        try:
            async with asyncio.timeout(timeout or None), self._process(exchange.command) as process:
                await exchange.run(cast(Any, process.stdin), cast(Any, process.stdout), cast(Any, process.stderr))
                await process.wait_closed()
        except TimeoutError:
            raise exchange.too_late(timeout) from None
        status = process.returncode
        if status is None:
            raise UnreachableError("the connection to the host broke", where=self.spec.name)
        return exchange.result(status)

    async def pipe(self, command: str, become: Become | None, near: NearEnd) -> int:
        """See ``rsh.PipeSession``."""
        piped = PipedCommand(command, become, name=self.spec.name)
        async with self._process(piped.command) as process:
            await piped.carry(near, process.stdin, process.stdout, process.stderr)
            await process.wait_closed()
        return 255 if process.returncode is None else process.returncode

    async def login(self) -> str:
        """See ``HostSession.login``."""
        return str((await self._connect()).get_extra_info("username"))

    async def listen(self, path: str, endpoint: Endpoint, traffic: Traffic) -> ReverseSocket:
        """See ``HostSession.listen``."""
        made = ReverseSocket(await self._connect(), path, endpoint, traffic)
        await made.listen(self.spec.name)
        return made

    async def close(self) -> None:
        await self._cancel_starts()
        for opening in self._openings:
            opening.cancel()
        self._close_runners(end_input=False)
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await close_connection(connection)

    async def _connect(self) -> asyncssh.SSHClientConnection:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connector.connect(self.spec)
            return self._connection

    @contextlib.asynccontextmanager
    async def _process(self, command: str) -> AsyncIterator[asyncssh.SSHClientProcess[bytes]]:
        """A command on the host, which is ended where the block ends before it."""
        connection = await self._connect()
        try:
            process = await connection.create_process(command, request_pty=False, x11_forwarding=False, encoding=None)
        except (asyncssh.Error, OSError) as problem:
            raise self._no_session(problem) from None
        try:
            yield process
        except BaseException as problem:
            # sshd passes signals on since OpenSSH 7.9; older ones leave the command to the closed pipes.
            with contextlib.suppress(asyncssh.Error, OSError):
                process.kill()
            if isinstance(problem, asyncssh.Error | OSError):
                told = f"the connection to the host broke: {problem}"
                raise UnreachableError(told, where=self.spec.name) from None
            raise
        finally:
            process.close()

    def _no_session(self, problem: Exception) -> UnreachableError:
        return UnreachableError(
            f"the host opens no session: {str(problem).rstrip('.')}",
            where=self.spec.name,
            hint="check MaxSessions (one for each user that tasks run as) and ForceCommand in the host's sshd_config",
        )
