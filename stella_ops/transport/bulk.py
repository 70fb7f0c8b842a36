"""Writes to an SSH channel at a fraction of asyncssh's price.

asyncssh copies every byte about ten times on its way out, sends a packet of nothing before each packet (a remedy
for CBC ciphers, of no use with others) and gives each to the kernel by itself. Where a connection is encrypted with
AES-GCM and not compressed, ``BulkWriter`` makes the packets of RFC 4254 and RFC 5647 itself, several with one system
call. It leaves everything else to asyncssh: windows, key exchange, all other ciphers, all that is queued already.

It needs to know asyncssh from the inside. What of that is not as it was leads back to ``channel.write``; the tests
speak through it with OpenSSH and with asyncssh's own server.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import asyncssh
from asyncssh.constants import MSG_CHANNEL_DATA
from asyncssh.encryption import GCMEncryption
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# Bytes that go to the kernel at once. More overflow the processor's cache, fewer wake the host too often.
BATCH = 256 * 1024
_BLOCK = 16
_LEAST_PADDING = 4
_DATA = bytes([MSG_CHANNEL_DATA])


class BulkWriter:
    """The writing side of one channel.

    Args:
        channel: one without an encoding.
    """

    def __init__(self, channel: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel: Any = channel
        self._cipher: Any = None
        self._aead: AESGCM | None = None
        self._gate = asyncio.Event()
        self._gate.set()
        try:
            self._connection: Any = self._channel._conn
            self._gate = _gate_of(self._connection)
        except AttributeError:
            self._connection = None
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
        if self._is_plain_sailing():
            view = view[self._send(view) :]
        if view:
            self._channel.write(bytes(view))

    def _is_plain_sailing(self) -> bool:
        """Whether the next bytes may go past asyncssh; looks up the key of the day."""
        channel, connection = self._channel, self._connection
        try:
            if (
                channel._send_state != "open"
                or channel._send_buf
                or channel._encoding
                or channel._send_chan is None
                or connection._compressor
                or not (connection._auth_complete and connection._kex_complete)
                or connection._rekey_bytes_sent + BATCH >= connection._rekey_bytes
                or (connection._rekey_seconds and time.monotonic() >= connection._rekey_time)
                or connection._transport is None
                or type(connection._send_encryption) is not GCMEncryption
            ):
                return False
            cipher = connection._send_encryption._cipher
            if cipher is not self._cipher:
                self._aead = AESGCM(cipher._key)
                self._cipher = cipher
                return len(cipher._iv) == 12 and callable(cipher._update_iv)
            return True
        except (AttributeError, TypeError):
            return False

    def _send(self, view: memoryview) -> int:
        """Sends what the window allows; returns how much that was."""
        channel, connection, cipher, aead = self._channel, self._connection, self._cipher, self._aead
        assert aead is not None
        number = channel._send_chan.to_bytes(4, "big")
        largest, room = channel._send_pktsize, min(channel._send_window, len(view))
        at = 0
        while at < room:
            sealed: list[bytes] = []
            batch = min(room, at + BATCH)
            while at < batch:
                size = min(largest, batch - at)
                # RFC 4253, section 6: length, length of padding, payload, padding; RFC 5647: the length stays
                # legible and is no part of what is padded to whole blocks.
                padding = _BLOCK - (1 + 9 + size) % _BLOCK
                if padding < _LEAST_PADDING:
                    padding += _BLOCK
                header = (1 + 9 + size + padding).to_bytes(4, "big")
                head = b"".join((bytes([padding]), _DATA, number, size.to_bytes(4, "big")))
                packet = b"".join((head, view[at : at + size], os.urandom(padding)))
                sealed += (header, aead.encrypt(cipher._iv, packet, header))
                cipher._update_iv()
                connection._send_seq = (connection._send_seq + 1) & 0xFFFFFFFF
                connection._rekey_bytes_sent += len(packet)
                at += size
            connection._send(b"".join(sealed))
        channel._send_window -= at
        return at


def _gate_of(connection: Any) -> asyncio.Event:
    """Open while the connection's own buffer is short. asyncssh leaves that to grow with the host's windows."""
    gate: asyncio.Event | None = getattr(connection, "_stella_gate", None)
    if gate is None:
        gate = connection._stella_gate = asyncio.Event()
        gate.set()
        connection.pause_writing = gate.clear
        connection.resume_writing = gate.set
    return gate
