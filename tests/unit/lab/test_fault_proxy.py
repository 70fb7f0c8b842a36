import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from stella_ops.lab.fault_proxy import FaultProxy, in_thread


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that gives back what it gets, and after the end says how much that was."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        total = 0
        try:
            while data := await reader.read(65536):
                total += len(data)
                writer.write(data)
                await writer.drain()
            writer.write(b"|%d" % total)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the connection ends within some seconds, by an end or a reset."""
    try:
        async with asyncio.timeout(10):
            while await reader.read(65536):
                pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


async def test_bytes_and_ends_pass_both_ways() -> None:
    data = bytes(range(256)) * 20_000
    async with echo() as port, FaultProxy("127.0.0.1", port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        reading = asyncio.create_task(reader.read(-1))
        writer.write(data)
        writer.write_eof()
        assert await reading == data + b"|%d" % len(data)
        writer.close()
        assert proxy.carried["up"] == len(data)
        assert proxy.connections == 1


async def test_a_round_trip_costs_twice_the_latency() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port, latency=0.1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        began = time.monotonic()
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        assert 0.2 <= time.monotonic() - began < 1.0
        # Late is not slow: many chunks under way are late together.
        began = time.monotonic()
        for _ in range(20):
            writer.write(b"y" * 1000)
            await writer.drain()
        await reader.readexactly(20_000)
        assert time.monotonic() - began < 1.0
        writer.close()


@pytest.mark.parametrize("limit", [1, 5000, 200_000])
async def test_a_connection_is_cut_after_so_many_bytes(limit: int) -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port, cut_after=limit) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"z" * 1_000_000)
        assert await ended(reader)
        assert proxy.carried["up"] + proxy.carried["down"] <= limit
        writer.close()


async def test_cut_breaks_what_is_open_and_lets_new_ones_in() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.cut()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"y")
        assert await reader.readexactly(1) == b"y"
        writer.close()


async def test_a_stalled_connection_is_silent_then_whole() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        proxy.stall()
        writer.write(b"abc")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.1)
        proxy.resume()
        assert await asyncio.wait_for(reader.readexactly(3), 10) == b"abc"
        writer.close()


async def test_a_refused_connection_ends_at_once() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port) as proxy:
        proxy.refuse()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await ended(reader)
        writer.close()


@pytest.fixture
def greeter() -> Iterator[int]:
    """A listening socket; the kernel alone accepts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_code_that_blocks_can_use_one_too(greeter: int) -> None:
    with (
        in_thread("127.0.0.1", greeter) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection,
    ):
        connection.sendall(b"hello")
        while proxy.carried["up"] < 5:
            time.sleep(0.005)
        proxy.cut()
        with pytest.raises(ConnectionError):
            connection.recv(1)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=1)
