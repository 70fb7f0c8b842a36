"""A TCP proxy that spoils connections on purpose: delay, cut, stall, refuse.

    async with FaultProxy("127.0.1.1", 2222, latency=0.05) as proxy:
        ... connect to 127.0.0.1, proxy.port ...
        proxy.cut()

``in_thread`` runs one beside code that blocks. All controls may be called from any thread.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Literal

_CHUNK = 64 * 1024
# What may be under way in a delayed direction, in bytes; a sender beyond that is held back. Counted in bytes, not in
# chunks, so that many small ones are not slow: at 25 ms this is more than half a gigabyte a second.
_IN_FLIGHT = 16 * 1024 * 1024

Direction = Literal["up", "down"]


class FaultProxy:
    """Forwards connections to one server.

    Args:
        host, port: the server.
        latency: seconds by which every chunk is late, in each direction; a round trip costs twice that.
        cut_after: cut a connection once it has carried so many bytes, both directions added up.

    ``connections`` counts the connections accepted, ``carried`` the bytes by direction ("up": to the server),
    ``round_trips`` how often a client sent something after it had been handed something: as often it may have waited
    for an answer. Bytes that cross on the way count too, so it is an upper bound.

    The sockets on both sides have TCP_NODELAY, as all of asyncio's. TCP's own handshake with the proxy is not late.
    """

    def __init__(self, host: str, port: int, *, latency: float = 0.0, cut_after: int | None = None) -> None:
        self._target = (host, port)
        self.latency = latency
        self.cut_after = cut_after
        self.refusing = False
        self.connections = 0
        self.carried: dict[Direction, int] = {"up": 0, "down": 0}
        self.round_trips = 0
        self.port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flowing: asyncio.Event | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._links: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> FaultProxy:
        self._loop = asyncio.get_running_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.close()
        self._abort()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def cut(self) -> None:
        """Break all connections at once, as a reset."""
        self._call(self._abort)

    def refuse(self, refusing: bool = True) -> None:
        """Close new connections as soon as they come; those there are go on."""
        self.refusing = refusing

    def stall(self) -> None:
        """Let nothing through any more, yet keep the connections: a host that has gone silent."""
        assert self._flowing is not None
        self._call(self._flowing.clear)

    def resume(self) -> None:
        """Let through again, what was held back first."""
        assert self._flowing is not None
        self._call(self._flowing.set)

    def _call(self, action: Callable[[], None]) -> None:
        assert self._loop is not None
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            action()
            return
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait(10)

    def _abort(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        self._open.add(writer)
        try:
            self.connections += 1
            if not self.refusing:
                await self._link(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # a spoiled connection ends anyhow
        finally:
            writer.transport.abort()
            self._open.discard(writer)
            self._links.discard(task)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        self._open.add(server_writer)
        link = _Link()
        try:
            await _all_or_none(
                self._carry("up", reader, server_writer, link),
                self._carry("down", server_reader, writer, link),
            )
        finally:
            server_writer.transport.abort()
            self._open.discard(server_writer)

    async def _carry(
        self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link
    ) -> None:
        late = _Late()
        await _all_or_none(
            self._receive(direction, reader, late, link),
            self._send(direction, late, writer, link),
        )

    async def _receive(self, direction: Direction, reader: asyncio.StreamReader, late: _Late, link: _Link) -> None:
        loop = asyncio.get_running_loop()
        while True:
            data = await reader.read(_CHUNK)
            # The client is beside the proxy: what it has been handed when its bytes come in, it may have waited for.
            if direction == "up" and data and link.answered:
                self.round_trips += 1
                link.answered = False
            await late.put(loop.time() + self.latency, data)
            if not data:
                return

    async def _send(self, direction: Direction, late: _Late, writer: asyncio.StreamWriter, link: _Link) -> None:
        assert self._flowing is not None
        loop = asyncio.get_running_loop()
        while True:
            due, data = await late.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await self._flowing.wait()
            if not data:
                writer.write_eof()
                return
            if self.cut_after is not None:
                data = data[: max(0, self.cut_after - link.spent)]
            link.spent += len(data)
            self.carried[direction] += len(data)
            if direction == "down":
                link.answered = True
            writer.write(data)
            await writer.drain()
            if self.cut_after is not None and link.spent >= self.cut_after:
                _reset(writer)
                raise ConnectionAbortedError("cut as asked")


class _Link:
    """What is known of one connection: bytes carried, and whether the client was answered since it last spoke."""

    __slots__ = ("answered", "spent")

    def __init__(self) -> None:
        self.spent = 0
        self.answered = False


class _Late:
    """Chunks under way in one direction, in their order, with the moment when each is due."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._size = 0
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, due: float, data: bytes) -> None:
        """Send a chunk on its way once there is room; an empty one is the end."""
        await self._room.wait()
        self._size += len(data)
        if self._size >= _IN_FLIGHT:
            self._room.clear()
        self._chunks.put_nowait((due, data))

    async def get(self) -> tuple[float, bytes]:
        """The next chunk, due or not."""
        due, data = await self._chunks.get()
        self._size -= len(data)
        if self._size < _IN_FLIGHT:
            self._room.set()
        return due, data


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once; without the time to linger the other side is told of a reset, not of a decent end."""
    opened = writer.get_extra_info("socket")
    if opened is not None and opened.fileno() >= 0:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _all_or_none(*parts: Coroutine[Any, Any, None]) -> None:
    """Run coroutines side by side until all end; the first that fails ends the others, and is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def in_thread(host: str, port: int, *, latency: float = 0.0, cut_after: int | None = None) -> Iterator[FaultProxy]:
    """A ``FaultProxy`` with an event loop in a thread of its own, for callers that block."""
    proxy = FaultProxy(host, port, latency=latency, cut_after=cut_after)
    ready = threading.Event()
    over: list[Callable[[], object]] = []

    async def serve() -> None:
        end = asyncio.Event()
        async with proxy:
            loop = asyncio.get_running_loop()
            over.append(functools.partial(loop.call_soon_threadsafe, end.set))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield proxy
    finally:
        over[0]()
        thread.join(10)
