"""A UNIX socket on a host whose connections are carried here, over the host's own SSH connection.

What ``ssh -R /path:host:port`` does (``streamlocal-forward@openssh.com``, OpenSSH's PROTOCOL, section 2.4), with
connections counted and bounded. asyncssh can forward by itself; but when both ends finish at the same moment it
leaves the channel open (seen in 2.24), so bytes are passed on here. What they mean is nobody's business here: TLS is
between the two ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import struct
from typing import Any

import asyncssh
from asyncssh.stream import SSHUNIXStreamSession

from stella_ops.errors import TunnelError, UnreachableError
from stella_ops.transport.bulk import BulkWriter
from stella_ops.transport.traffic import Endpoint, Traffic

# Bytes that a connection may have under way towards us; a slow orchestrator holds the agent back.
WINDOW = 256 * 1024
_CHUNK = 64 * 1024
# An agent has two or three connections; one that has lost count must not take the controller's memory.
CONNECTIONS_PER_HOST = 64
CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 3.0
# Of tcp(7): seconds, seconds, number, milliseconds.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}


class ReverseSocket:
    """A socket on a host, for as long as the connection lives or until it is closed.

    Attributes:
        path: on the host.
        lost: set when the connection that carries it is gone.
    """

    def __init__(
        self, connection: asyncssh.SSHClientConnection, path: str, endpoint: Endpoint, traffic: Traffic
    ) -> None:
        self.path = path
        self.lost = asyncio.Event()
        self._connection = connection
        self._endpoint = endpoint
        self._traffic = traffic
        self._listener: asyncssh.SSHListener | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self._ready: set[asyncio.StreamWriter] = set()
        self._coming = 0
        self._closed = False
        self._watch: asyncio.Task[None] | None = None

    async def listen(self, where: str) -> None:
        """Have the host listen.

        Raises:
            TunnelError: its sshd does not allow that.
            UnreachableError: the connection broke.
        """
        try:
            self._listener = await self._connection.create_unix_server(
                self._accept, self.path, encoding=None, window=WINDOW
            )
        except asyncssh.ChannelListenError:
            raise TunnelError(
                f"the host's sshd does not forward the socket {self.path}",
                where=where,
                hint="allow it in the host's sshd_config: AllowStreamLocalForwarding yes (or remote), no "
                "DisableForwarding; and in authorized_keys no 'restrict' or 'no-port-forwarding' for this key",
            ) from None
        except (asyncssh.Error, OSError) as problem:
            raise UnreachableError(f"the connection to the host broke: {problem}", where=where) from None
        self._watch = asyncio.create_task(self._await_loss())

    async def close(self) -> None:
        """Have the host listen no more, and end the connections that are carried."""
        self._closed = True
        if self._listener is not None and not self.lost.is_set():
            with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    self._listener.close()
                    await self._listener.wait_closed()
        await self._end_relays()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _await_loss(self) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            await self._connection.wait_closed()
        self.lost.set()
        await self._end_relays()

    async def _end_relays(self) -> None:
        for far in self._ready:
            _reset(far)
        self._ready.clear()
        relays = list(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)

    async def _accept(self) -> SSHUNIXStreamSession[bytes]:
        """The session for a connection that somebody on the host has opened."""
        if self._closed:
            raise self._refusal("the tunnel is being closed")
        if len(self._relays) + len(self._ready) + self._coming >= CONNECTIONS_PER_HOST:
            raise self._refusal(f"{CONNECTIONS_PER_HOST} connections are open already")
        self._coming += 1
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                near, far = await asyncio.open_connection(self._endpoint.host, self._endpoint.port, limit=_CHUNK)
        except TimeoutError:
            raise self._refusal(f"no answer from {self._endpoint} within {CONNECT_SECONDS:g} seconds") from None
        except OSError as problem:
            said = os.strerror(problem.errno) if problem.errno else str(problem)
            raise self._refusal(f"the orchestrator at {self._endpoint} cannot be reached: {said}") from None
        finally:
            self._coming -= 1
        if self._closed or self.lost.is_set():
            far.transport.abort()
            raise self._refusal("the tunnel is being closed")
        _notice_silence(far)
        self._ready.add(far)
        return SSHUNIXStreamSession(functools.partial(self._relay, near, far))

    def _refusal(self, why: str) -> asyncssh.ChannelOpenError:
        self._traffic.was_refused(why)
        return asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, why)

    async def _relay(self, near: asyncio.StreamReader, far: asyncio.StreamWriter, reader: Any, writer: Any) -> None:
        """Carry one connection until both of its ends have finished, or one of them is gone."""
        me = asyncio.current_task()
        assert me is not None
        self._relays.add(me)
        self._ready.discard(far)
        traffic = self._traffic
        traffic.opened()
        bulk = BulkWriter(writer.channel)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._from_host(reader, far))
                group.create_task(self._to_host(near, writer, bulk))
            far.close()
            await far.wait_closed()
        except* (OSError, asyncssh.Error):
            pass  # one end is gone, which ends the other
        finally:
            self._relays.discard(me)
            traffic.closed()
            _reset(far)
            with contextlib.suppress(OSError):
                writer.close()

    async def _from_host(self, reader: Any, far: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            self._traffic.from_host += len(data)
            far.write(data)
            await far.drain()
        if self._connection.is_closed():
            # That is no end of what the agent had to say: the orchestrator must not take half a message for a whole.
            raise ConnectionResetError("the connection to the host is lost")
        far.write_eof()

    async def _to_host(self, near: asyncio.StreamReader, writer: Any, bulk: BulkWriter) -> None:
        while data := await near.read(_CHUNK):
            self._traffic.to_host += len(data)
            bulk.write(data)
            await writer.drain()
            await bulk.drain()
        writer.write_eof()


def _notice_silence(far: asyncio.StreamWriter) -> None:
    """An orchestrator that is gone without a word must not be waited for as long as TCP does by itself."""
    raw = far.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _reset(far: asyncio.StreamWriter) -> None:
    """Close a connection, where it is not closed yet, as one that broke: without that TCP would tell of a good end."""
    raw = far.get_extra_info("socket")
    if raw is not None and not far.transport.is_closing():
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.transport.abort()
