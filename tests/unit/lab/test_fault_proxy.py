import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from stella_ops.lab.fault_proxy import FaultProxy, _Late, in_thread


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


async def test_round_trips_are_counted_as_often_as_the_client_speaks_after_an_answer() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port, latency=0.01) as proxy:
        for connection in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            for _ in range(3):
                writer.write(b"x")
                await reader.readexactly(1)
            assert proxy.round_trips == 2 * (connection + 1)  # each connection's first word answers nothing
            writer.close()


async def test_what_crosses_on_the_way_is_no_answer() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port, latency=0.05) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        for _ in range(5):
            writer.write(b"x")
            while proxy.carried["up"] == 0:  # the first has arrived: its answer is under way, not here
                await asyncio.sleep(0)
        await reader.readexactly(5)
        assert proxy.round_trips == 0
        writer.write(b"x")
        while proxy.carried["up"] == 5:
            await asyncio.sleep(0)
        writer.write(b"x")  # said after the same answer as the one before
        await reader.readexactly(2)
        assert proxy.round_trips == 1
        writer.close()


async def test_nobody_waits_for_nagle() -> None:
    async with echo() as port, FaultProxy("127.0.0.1", port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"x")
        await reader.readexactly(1)
        sockets = [opened.get_extra_info("socket") for opened in proxy._open]
        assert len(sockets) == 2
        assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets)
        writer.close()


async def test_small_chunks_under_way_are_many_and_keep_their_order() -> None:
    late = _Late()
    chunks = [b"%d" % number for number in range(5000)]
    async with asyncio.timeout(10):
        for chunk in chunks:
            await late.put(0.0, chunk)
        assert [(await late.get())[1] for _ in chunks] == chunks


async def test_a_sender_is_held_back_when_too_much_is_under_way() -> None:
    late = _Late()
    half = bytes(8 * 1024 * 1024)
    await late.put(0.0, half)
    await late.put(0.0, half)
    held = asyncio.create_task(late.put(0.0, b"x"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not held.done()
    await late.get()
    await asyncio.wait_for(held, 10)


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
