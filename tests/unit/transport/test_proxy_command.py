"""A protocol over a command's pipes."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

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


class Impatient(Protocol):
    """Writes at once, but not before the command is gone; notes what was known when the connection was lost."""

    def __init__(self, proxy: ProxyCommand, fifo: Path) -> None:
        super().__init__()
        self.proxy = proxy
        self.fifo = fifo
        self.why: tuple[Exception | None, str] | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        pid = int(self.fifo.read_text())
        with contextlib.suppress(ChildProcessError):  # asyncio's watcher was quicker
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        transport.write(b"SSH-2.0-client\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self.why = (exc, self.proxy.said)
        super().connection_lost(exc)


@pytest.mark.parametrize("words", ["", "no way out"])
async def test_a_command_that_is_gone_before_it_is_written_to_has_ended_and_says_why(
    words: str, tmp_path: Path
) -> None:
    """A broken pipe is no trouble of the network's."""
    os.mkfifo(tmp_path / "pid")
    proxy = ProxyCommand(f"sh -c 'echo $$ >{tmp_path}/pid; echo {words} >&2; exit 1'")
    _, protocol = await proxy.create_connection(lambda: Impatient(proxy, tmp_path / "pid"), "ignored", 1)
    assert isinstance(protocol, Impatient)
    await asyncio.wait_for(protocol.lost.wait(), 20)
    assert protocol.why == (None, words)
    await proxy.close()


async def test_what_holds_the_pipes_of_a_command_that_is_gone_does_not_hold_the_connection(tmp_path: Path) -> None:
    proxy, protocol = await connect(f"sh -c 'sleep 60 & echo $! >{tmp_path}/pid; echo why >&2'")
    try:
        await asyncio.wait_for(protocol.lost.wait(), 20)
        assert proxy.said == "why"
        await proxy.close()
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
