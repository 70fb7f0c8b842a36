"""Bytes written in bulk arrive as they were, whatever the connection is like."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncssh
import pytest
import pytest_asyncio

from stella_ops.transport.bulk import PACKET, BulkWriter

GCM = {"encryption_algs": ["aes128-gcm@openssh.com"], "compression_algs": ["none"]}


class Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


async def digest_of_input(process: Any) -> None:
    digest, size = hashlib.sha256(), 0
    while data := await process.stdin.read(100_000):
        digest.update(data)
        size += len(data)
    process.stdout.write(f"{size} {digest.hexdigest()}".encode())
    process.exit(0)


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Callable[..., Any]]:
    """Connections to a server that hashes what it gets."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Server, server_host_keys=[key], process_factory=digest_of_input, encoding=None
    )
    made: list[asyncssh.SSHClientConnection] = []

    async def open_one(**options: Any) -> asyncssh.SSHClientConnection:
        port = server.sockets[0].getsockname()[1]
        made.append(
            await asyncssh.connect(
                "127.0.0.1", port, username="u", known_hosts=None, client_keys=None, agent_path=None, **options
            )
        )
        return made[-1]

    yield open_one
    for connection in made:
        connection.close()
        await connection.wait_closed()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "options",
    [
        GCM,
        {**GCM, "encryption_algs": ["chacha20-poly1305@openssh.com"]},
        {**GCM, "encryption_algs": ["aes128-ctr"]},
        {**GCM, "compression_algs": ["zlib@openssh.com"]},
        {**GCM, "rekey_bytes": 4 << 20},
    ],
    ids=["aes128-gcm", "chacha20", "aes128-ctr", "compressed", "often new keys"],
)
async def test_bytes_arrive_as_they_were(connect: Callable[..., Any], options: dict[str, Any]) -> None:
    connection = await connect(**options)
    noise = random.Random(1)
    digest, size = hashlib.sha256(), 0
    async with asyncio.timeout(60):
        async with connection.create_process("x", encoding=None) as process:
            writer = BulkWriter(process.channel)
            for length in [0, 1, 3, PACKET, PACKET + 1, *(noise.randrange(1, 700_000) for _ in range(40))]:
                data = noise.randbytes(length)
                digest.update(data)
                size += length
                writer.write(memoryview(data))
                await writer.drain()
                await process.stdin.drain()
            process.stdin.write_eof()
            said = (await process.stdout.read()).decode()
    assert said == f"{size} {digest.hexdigest()}"


async def test_pieces_fit_a_packet_so_that_nothing_is_cut_again(connect: Callable[..., Any]) -> None:
    connection = await connect(**GCM)
    written: list[int] = []
    async with asyncio.timeout(20):
        async with connection.create_process("x", encoding=None) as process:
            write = process.channel.write
            process.channel.write = lambda data: (written.append(len(data)), write(data))
            BulkWriter(process.channel).write(bytes(3 * PACKET + 5))
            process.stdin.write_eof()
            await process.stdout.read()
    assert written == [PACKET, PACKET, PACKET, 5]


async def test_a_short_buffer_is_waited_for(connect: Callable[..., Any]) -> None:
    connection = await connect(**GCM)
    async with asyncio.timeout(20):
        async with connection.create_process("x", encoding=None) as process:
            writer = BulkWriter(process.channel)
            connection.pause_writing()
            waiting = asyncio.ensure_future(writer.drain())
            await asyncio.sleep(0)
            assert not waiting.done()
            writer.release()
            await waiting
            process.stdin.write_eof()
