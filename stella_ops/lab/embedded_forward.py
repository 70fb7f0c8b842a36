"""Forwarded connections of an embedded host, which make it a jump host.

asyncssh can forward by itself; but when both ends finish at the same moment it leaves the channel open (seen in
2.24), and a client that jumps then waits for ever.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import asyncssh
from asyncssh.stream import SSHTCPStreamSession

_CHUNK = 256 * 1024


async def open_forward(host: str, port: int) -> SSHTCPStreamSession[bytes]:
    """Connect to ``host``:``port`` and return the session that relays a channel to it.

    Raises:
        asyncssh.ChannelOpenError: nothing listens there.
    """
    try:
        near, far = await asyncio.open_connection(host, port)
    except OSError as problem:
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, str(problem)) from None

    async def relay(reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, far))
                group.create_task(_copy(near, writer))
        except* (OSError, asyncssh.Error):
            pass  # one side is gone, which ends the other
        finally:
            far.transport.abort()
            writer.close()

    return SSHTCPStreamSession(relay)


async def _copy(reader: Any, writer: Any) -> None:
    """Pass on bytes and, at last, the end of them."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    with suppress(OSError):  # the other side may have closed meanwhile
        writer.write_eof()
