"""A protocol over a command's pipes."""

import asyncio
import time
from typing import Any

from stella_ops.transport.proxy_command import ProxyCommand


class Protocol(asyncio.Protocol):
    def __init__(self) -> None:
        self.data = b""
        self.lost = asyncio.Event()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def connect(command: str) -> tuple[ProxyCommand, Protocol]:
    proxy = ProxyCommand(command)
    _, protocol = await proxy.create_connection(Protocol, "ignored", 1)
    assert isinstance(protocol, Protocol)
    return proxy, protocol


async def test_bytes_go_through_and_complaints_stay_out() -> None:
    proxy, protocol = await connect("sh -c 'echo complaint >&2; echo more >&2; cat'")
    protocol.transport.write(b"ping" * 50000)
    async with asyncio.timeout(10):
        while len(protocol.data) < 200000 or proxy.said != "more":
            await asyncio.sleep(0.01)
    assert protocol.data == b"ping" * 50000
    protocol.transport.close()
    await proxy.close()
    await asyncio.wait_for(protocol.lost.wait(), 5)


async def test_the_end_of_the_command_is_the_end_of_the_connection() -> None:
    proxy, protocol = await connect("sh -c 'echo all; echo kex_exchange_identification: closed >&2; exit 3'")
    await asyncio.wait_for(protocol.lost.wait(), 5)
    assert protocol.data == b"all\n"
    assert proxy.found_closed_door
    await proxy.close()


async def test_a_stubborn_command_is_killed() -> None:
    proxy, protocol = await connect("sh -c 'trap : HUP TERM; echo ready; while :; do sleep 0.1; done'")
    async with asyncio.timeout(10):
        while protocol.data != b"ready\n":
            await asyncio.sleep(0.01)
        began = time.monotonic()
        await proxy.close(0.3)
    assert time.monotonic() - began > 0.25
    await asyncio.wait_for(protocol.lost.wait(), 5)
