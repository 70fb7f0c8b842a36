"""A remote shell for programs on this machine that want one (rsync's ``--rsh``), over the connection a host has.

Such a program starts ``rsh_relay.py``, which comes here by a UNIX socket that none but this account can open. So keys,
passwords, jump hosts, host keys and the user to become are those of every other task, and no second login is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from stella_ops.errors import StellaError
from stella_ops.transport import rsh_relay
from stella_ops.transport.base import Become
from stella_ops.transport.piped import NearEnd

_CHUNK = 256 * 1024
_BROKEN = b"255"
# Of unix(7); a longer TMPDIR has no room for a socket's name.
_LONGEST_FOLDER = 80


@runtime_checkable
class PipeSession(Protocol):
    """A session that carries a command's input and output."""

    async def pipe(self, command: str, become: Become | None, near: NearEnd) -> int:
        """Run a command; its exit status."""
        ...


@asynccontextmanager
async def remote_shell(session: PipeSession, become: Become | None) -> AsyncIterator[str]:
    """The value of ``--rsh`` by which a program on this machine reaches the host, for as long as the block lasts.

    Whatever host and user the program names, it is this one.
    """
    folder = Path(tempfile.mkdtemp(prefix="stella-rsh-"))
    if len(str(folder)) > _LONGEST_FOLDER:
        shutil.rmtree(folder)
        folder = Path(tempfile.mkdtemp(prefix="stella-rsh-", dir="/tmp"))
    serving: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_serve(session, become, reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    try:
        place = folder / "socket"
        server = await asyncio.start_unix_server(serve, place, limit=_CHUNK)
        words = [sys.executable, "-I", "-S", rsh_relay.__file__, str(place)]
        program = folder / "rsh"
        program.write_text(f'exec {shlex.join(words)} "$@"\n')
        try:
            yield f"/bin/sh {program}"
        finally:
            server.close()
            left = list(serving)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Relay:
    """The program's side of one command."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        return await self._reader.read(_CHUNK)

    async def write(self, stream: int, data: bytes) -> None:
        self._writer.write(bytes([stream]) + len(data).to_bytes(4, "big") + data)
        await self._writer.drain()


async def _serve(
    session: PipeSession, become: Become | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    relay = _Relay(reader, writer)
    try:
        words = json.loads(await reader.readline())
        status = await session.pipe(" ".join(_command(words)), become, relay)
        await relay.write(0, str(status).encode())
    except StellaError as problem:
        with contextlib.suppress(OSError):
            await relay.write(2, f"{problem}\n".encode())
            await relay.write(0, _BROKEN)
    except (OSError, ValueError):
        pass  # the program is gone
    finally:
        writer.close()


def _command(words: list[str]) -> list[str]:
    """The command of a remote shell's arguments, as ssh would send it."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        del rest[: 2 if rest[0] == "-l" else 1]
    return rest[1:]
