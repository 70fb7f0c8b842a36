"""Accepts connections: so many and no more, so many from one address, and none whose handshake takes for ever.

asyncio's own server hands a connection over only when its handshake is done, and counts none; uvicorn begins to count
there. Between the two, whoever opens connections and says nothing could use up all file descriptors.
"""

from __future__ import annotations

import asyncio
import collections
import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from stella_ops.orchestrator.limits import network_of
from stella_ops.orchestrator.protocol import PeerProtocol


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """How many connections there may be at once, in all and from one address; seconds for a handshake."""

    connections: int = 1024
    of_one_address: int = 512
    handshake: float = 10.0


class Doorway:
    """Accepts connections on listening sockets.

    Args:
        make_protocol: makes what speaks on a connection.
        context: the TLS context.
        on_refused: told the reason (full, address, handshake, certificate), the peer's address and what TLS says of it,
            whenever a connection is not let in.
    """

    def __init__(
        self,
        make_protocol: Callable[[], PeerProtocol],
        context: ssl.SSLContext,
        *,
        limits: DoorLimits,
        on_refused: Callable[[str, str, str | None], None],
    ) -> None:
        self._make_protocol = make_protocol
        self._context = context
        self._limits = limits
        self._on_refused = on_refused
        self._by_address: collections.Counter[str] = collections.Counter()

    @property
    def connections(self) -> int:
        """How many connections are open, handshakes included."""
        return self._by_address.total()

    async def serve(self, listener: socket.socket) -> None:
        """Accept on one listening socket (not blocking) until cancelled."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as handshakes:
            while True:
                try:
                    connection, peer = await loop.sock_accept(listener)
                except OSError as problem:
                    if problem.errno in (errno.EBADF, errno.ENOTSOCK, errno.EINVAL):
                        raise  # it was closed: there is nothing to wait for
                    if problem.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                        # Nothing can be opened until something closes; asking at once would only burn the processor.
                        self._on_refused("full", "", problem.strerror)
                        await asyncio.sleep(0.5)
                    continue
                address = network_of(peer[0]) if isinstance(peer, tuple) else ""
                if self.connections >= self._limits.connections:
                    self._refuse(connection, "full", address)
                elif self._by_address[address] >= self._limits.of_one_address:
                    self._refuse(connection, "address", address)
                else:
                    self._by_address[address] += 1
                    handshakes.create_task(self._let_in(connection, address))

    async def _let_in(self, connection: socket.socket, address: str) -> None:
        loop = asyncio.get_running_loop()
        protocol = self._make_protocol()
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._by_address[address] -= 1
                if self._by_address[address] <= 0:
                    del self._by_address[address]

        protocol.on_lost = leave
        try:
            connection.setblocking(False)
            await loop.connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.handshake,
                ssl_shutdown_timeout=5.0,
            )
        except ssl.SSLCertVerificationError as problem:
            leave()
            self._on_refused("certificate", address, problem.verify_message)
        except OSError as problem:  # among them the other errors of TLS, and TimeoutError
            leave()
            self._on_refused("handshake", address, getattr(problem, "reason", None))
        except BaseException:
            leave()
            raise

    def _refuse(self, connection: socket.socket, reason: str, address: str) -> None:
        connection.close()
        self._on_refused(reason, address, None)


def listen(host: str, port: int, *, backlog: int = 1024) -> list[socket.socket]:
    """Listening sockets, not blocking, on every address that a host name or address means.

    Raises:
        OSError: an address cannot be had.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            if port == 0 and made:
                address = (address[0], made[0].getsockname()[1], *address[2:])
            # "::" means every address, of either family; other names have a socket for each.
            both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
            made.append(socket.create_server(address[:2], family=family, backlog=backlog, dualstack_ipv6=both))
            made[-1].setblocking(False)
    except BaseException:
        for listener in made:
            listener.close()
        raise
    return made
