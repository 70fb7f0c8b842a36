"""ProxyCommand: an SSH connection over the standard input and output of a command.

asyncssh could start one itself, but it splits the command into words where OpenSSH gives it to a shell, and
takes what the command says on standard error for part of the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any, cast

_SAID_LIMIT = 4096
LAST_WORDS_SECONDS = 0.2


class ProxyCommand:
    """What ``asyncssh.connect`` takes as its ``tunnel``; each connection starts the command anew.

    Args:
        command: for /bin/sh, its tokens expanded.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._said = bytearray()
        self._started: list[_ProxyTransport] = []

    @property
    def said(self) -> str:
        """The last line that the command wrote to standard error."""
        lines = self._said.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    @property
    def found_closed_door(self) -> bool:
        """An ``ssh -W`` was turned away before its login, as a busy sshd does; worth another try."""
        return any(text in self.said.lower() for text in ("kex_exchange_identification", "connection reset"))

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[_ProxyTransport, asyncio.Protocol]:
        """Start the command and connect a protocol with it; host and port are in the command already."""
        loop = asyncio.get_running_loop()
        protocol = factory()
        self._said.clear()
        process, wire = await loop.subprocess_exec(
            lambda: _ProxyProcess(protocol, self._said),
            "/bin/sh",
            "-c",
            "exec " + self._command,
            # The operator's Ctrl-C is ours to handle; it must not reach the proxy before the host is told.
            start_new_session=True,
        )
        transport = _ProxyTransport(process, wire)
        self._started.append(transport)
        wire.begin(transport)
        return transport, protocol

    async def close(self, patience: float = 2.0) -> None:
        """End what still runs, by force after ``patience`` seconds, and wait for its end."""
        for transport in self._started:
            transport.close()
            try:
                async with asyncio.timeout(patience):
                    await transport.wait_closed()
            except TimeoutError:
                transport.kill()
                await transport.wait_closed()
            transport.ended()


class _ProxyProcess(asyncio.SubprocessProtocol):
    def __init__(self, protocol: asyncio.Protocol, said: bytearray) -> None:
        self._protocol = protocol
        self._said = said
        self._early = bytearray()
        self._begun = False
        self._lost = False
        self._transport: _ProxyTransport | None = None
        self.gone = asyncio.Event()

    def begin(self, transport: _ProxyTransport) -> None:
        self._transport = transport
        self._begun = True
        self._protocol.connection_made(transport)
        if self._early:
            self._protocol.data_received(bytes(self._early))
        if self._lost:
            self._protocol.connection_lost(None)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._said += data
            del self._said[:-_SAID_LIMIT]
        elif self._begun:
            self._protocol.data_received(data)
        else:
            self._early += data

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        # The end of its standard error says nothing about the connection. A broken pipe says no more than that the
        # command is ending: why it does may be unread yet.
        if fd != 2:
            asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._lose)

    def process_exited(self) -> None:
        self.gone.set()
        # What it started may hold its pipes.
        asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        # It is gone, and all that it wrote is read.
        self._end()

    def _end(self) -> None:
        self._lose()
        if self._transport is not None:
            self._transport.ended()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            if self._begun:
                self._protocol.connection_lost(None)


class _ProxyTransport(asyncio.Transport):
    def __init__(self, process: asyncio.SubprocessTransport, wire: _ProxyProcess) -> None:
        super().__init__()
        self._process = process
        self._wire = wire
        self._stdin = cast(asyncio.WriteTransport, process.get_pipe_transport(0))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._stdin.is_closing():
            self._stdin.write(data)

    def is_closing(self) -> bool:
        return self._stdin.is_closing()

    def abort(self) -> None:
        self.close()

    def close(self) -> None:
        self._stdin.close()
        # As OpenSSH does.
        self.kill(signal.SIGHUP)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the command."""
        if not self._wire.gone.is_set():
            # asyncio's own way would take the exit status away from its watcher.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.get_pid(), number)

    def ended(self) -> None:
        """The command has ended, and its pipes may go."""
        self._process.close()

    def pause_reading(self) -> None:
        self._reading("pause_reading")

    def resume_reading(self) -> None:
        self._reading("resume_reading")

    async def wait_closed(self) -> None:
        await self._wire.gone.wait()

    def _reading(self, what: str) -> None:
        pipe = self._process.get_pipe_transport(1)
        if pipe is not None and not pipe.is_closing():
            getattr(pipe, what)()
