"""A command on a host whose standard input and output are somebody's on this machine, byte for byte.

Before the command begins its shell prints a mark. What stands before that on standard output is a start-up file's
talk, or a password prompt, and none of the command's; with ``become`` nothing is sent but the password until then.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from stella_ops.transport.base import Become
from stella_ops.transport.beginning import Beginning

_CHUNK = 256 * 1024
# What a host may say before the command begins.
_MOST_TALK = 64 * 1024


class NearEnd(Protocol):
    """Who the command talks to."""

    async def read(self) -> bytes:
        """What goes to standard input; nothing at the end."""
        ...

    async def write(self, stream: int, data: bytes) -> None:
        """What came from standard output (1) or error (2)."""
        ...


class PipedCommand:
    """One command: its command line, and what is carried.

    Attributes:
        command: for the host's shell.
        begun: the command itself runs.
    """

    def __init__(self, command: str, become: Become | None, *, name: str) -> None:
        self._beginning = Beginning(command, become, stream=1, name=name)
        self._started = asyncio.Event()
        self.command = self._beginning.command
        self.begun = False

    async def carry(self, near: NearEnd, stdin: Any, stdout: Any, stderr: Any) -> None:
        """Carry bytes until the command has closed both of its outputs."""
        sending = asyncio.create_task(self._send(near, stdin))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._receive(near, 1, stdout, stdin))
                group.create_task(self._receive(near, 2, stderr, stdin))
        except ExceptionGroup as problems:
            raise problems.exceptions[0] from None  # both end for the same reason
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, near: NearEnd, stdin: Any) -> None:
        await self._started.wait()
        while data := await near.read():
            stdin.write(data)
            await stdin.drain()
        stdin.write_eof()

    async def _receive(self, near: NearEnd, stream: int, reader: Any, stdin: Any) -> None:
        said = bytearray()
        while data := await reader.read(_CHUNK):
            if self.begun:
                await near.write(stream, bytes(said) + data if said.strip() else data)
                said.clear()
                continue
            said += data
            if stream == 1 and (begins := self._beginning.take_mark(said)) is not None:
                self.begun = True
                self._started.set()
                if len(said) > begins:
                    await near.write(1, bytes(said[begins:]))
                said.clear()
                continue
            self._beginning.answer(said, stdin)
            del said[:-_MOST_TALK]
        # Of a command that never began, what was said instead is the reason.
        if said.strip():
            await near.write(2, bytes(said))
