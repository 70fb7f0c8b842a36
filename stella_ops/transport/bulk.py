"""Writes much to an SSH channel without much being copied or held.

asyncssh cuts what it is given into packets, and copies the rest of it for each; what fits a packet it takes as it is.
What the host's window allows it hands to the event loop's transport, however much waits there already: of 2 MiB a
host, with hundreds of hosts. So the pieces here are a packet long, and ``drain`` waits for the kernel.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh

# What OpenSSH's server takes in one packet.
PACKET = 32 * 1024


class BulkWriter:
    """The writing side of one channel.

    Args:
        channel: one without an encoding.
    """

    def __init__(self, channel: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = channel
        self._connection: Any = getattr(channel, "_conn", None)
        self._gate = _gate_of(self._connection)
        # What has to wait for the host's window is to be felt at once.
        channel.set_write_buffer_limits(0)

    async def drain(self) -> None:
        """Wait until the kernel has taken most of what was written."""
        await self._gate.wait()

    def release(self) -> None:
        """The connection is lost: nothing is worth waiting for."""
        self._gate.set()

    def write(self, data: bytes | memoryview) -> None:
        """Queue bytes; raises what ``channel.write`` raises."""
        view = memoryview(data)
        for start in range(0, len(view), PACKET):
            if self._is_broken():
                # Whoever waits is about to hear of it; asyncio complains of each further write.
                return
            self._channel.write(bytes(view[start : start + PACKET]))

    def _is_broken(self) -> bool:
        transport = getattr(self._connection, "_transport", None)
        return transport is not None and bool(transport.is_closing())


def _gate_of(connection: Any) -> asyncio.Event:
    """Open while the connection's own buffer is short, as the event loop tells the connection."""
    gate: asyncio.Event | None = getattr(connection, "_stella_gate", None)
    if gate is None:
        gate = asyncio.Event()
        gate.set()
        if connection is not None:
            connection._stella_gate = gate
            connection.pause_writing = gate.clear
            connection.resume_writing = gate.set
    return gate
