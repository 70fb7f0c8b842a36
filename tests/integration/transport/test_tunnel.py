"""A socket on a host, over real sshd: bytes both ways and nothing of them changed, in the face of everything."""

import asyncio
import contextlib
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from stella_ops.errors import TunnelError, UnreachableError
from stella_ops.transport import reverse
from stella_ops.transport.traffic import Endpoint, Traffic

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]


class MockOrchestrator:
    """In place of the orchestrator: takes connections and answers as a test says. ``serve`` may be changed."""

    def __init__(self) -> None:
        self.serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any] = self.echo
        self.connections = 0
        self.open = 0
        self.most = 0
        self._server: asyncio.Server | None = None
        self._port = 0

    @staticmethod
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._one, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self._port)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            with contextlib.suppress(OSError):
                await self.serve(reader, writer)
        finally:
            self.open -= 1
            writer.close()


@pytest_asyncio.fixture
async def orchestrator() -> AsyncIterator[MockOrchestrator]:
    made = MockOrchestrator()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def place(account: Make) -> Any:
    """A login; its home is where sockets lie."""
    return account()


@pytest_asyncio.fixture
async def tunnel(sshd: Make, place: Any, pool: Make, orchestrator: MockOrchestrator) -> AsyncIterator[Any]:
    """The socket of a host, open."""
    made = pool()
    session = made.session(sshd(user=place.name).spec())
    traffic = Traffic()
    listening = await session.listen(str(place.home / "o.sock"), orchestrator.endpoint, traffic)

    class Open:
        pass

    found: Any = Open()
    found.pool, found.session, found.traffic, found.listening = made, session, traffic, listening
    found.path = listening.path
    yield found
    await listening.close()


async def connect(path: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(str(path))


async def test_bytes_both_ways_unchanged(tunnel: Any, orchestrator: MockOrchestrator) -> None:
    reader, writer = await connect(tunnel.path)
    sent = secrets.token_bytes(1 << 20)
    writer.write(sent)
    writer.write_eof()
    assert hashlib.sha256(await reader.read(-1)).digest() == hashlib.sha256(sent).digest()
    writer.close()
    assert (tunnel.traffic.from_host, tunnel.traffic.to_host) == (1 << 20, 1 << 20)
    assert (tunnel.traffic.accepted, tunnel.traffic.refused) == (1, 0)


async def test_the_socket_is_the_login_users_alone(tunnel: Any) -> None:
    about = Path(tunnel.path).stat()
    assert about.st_mode & 0o777 == 0o600


async def test_many_connections_at_once_keep_apart(tunnel: Any, orchestrator: MockOrchestrator) -> None:
    together = asyncio.Barrier(51)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await together.wait()
        await orchestrator.echo(reader, writer)

    orchestrator.serve = serve

    async def one(number: int) -> bool:
        reader, writer = await connect(tunnel.path)
        sent = number.to_bytes(2, "big") * 20_000
        writer.write(sent)
        writer.write_eof()
        got = await reader.read(-1)
        writer.close()
        return got == sent

    calls = [asyncio.create_task(one(number)) for number in range(50)]
    await together.wait()
    assert orchestrator.open == 50
    assert all(await asyncio.gather(*calls))
    assert tunnel.traffic.accepted == 50


async def test_one_that_has_said_all_still_hears(tunnel: Any, orchestrator: MockOrchestrator) -> None:
    """A half-close travels: the orchestrator sees the end of what the agent says, and answers after it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read(-1)
        writer.write(b"heard " + said)
        writer.write_eof()

    orchestrator.serve = serve
    reader, writer = await connect(tunnel.path)
    writer.write(b"all")
    writer.write_eof()
    assert await reader.read(-1) == b"heard all"
    writer.close()


async def test_the_other_half_as_well(tunnel: Any, orchestrator: MockOrchestrator) -> None:
    heard = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"first")
        writer.write_eof()
        heard.set_result(await reader.read(-1))

    orchestrator.serve = serve
    reader, writer = await connect(tunnel.path)
    assert await reader.read(-1) == b"first"
    writer.write(b"and still speaking")
    writer.write_eof()
    assert await heard == b"and still speaking"
    writer.close()


async def test_an_agent_that_goes_ends_its_connection(
    tunnel: Any, orchestrator: MockOrchestrator, helpers: Any
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:  # until writing fails
            writer.write(bytes(65536))
            await writer.drain()

    orchestrator.serve = serve
    reader, writer = await connect(tunnel.path)
    await reader.readexactly(1 << 20)
    writer.transport.abort()
    await helpers.eventually(lambda: orchestrator.open == 0 and tunnel.traffic.connections == 0)


async def test_a_slow_reader_is_waited_for(tunnel: Any, orchestrator: MockOrchestrator) -> None:
    """What is under way is bounded: an agent that does not read holds the orchestrator back, not our memory."""
    sent = 0
    stuck = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.transport.set_write_buffer_limits(0)
        while True:
            writer.write(bytes(65536))
            try:
                async with asyncio.timeout(1):
                    await writer.drain()
            except TimeoutError:
                stuck.set()
                return
            sent += 65536

    orchestrator.serve = serve
    _, writer = await connect(tunnel.path)
    async with asyncio.timeout(60):
        await stuck.wait()
    # OpenSSH's window is 2 MiB, and the kernels' buffers come to it.
    assert sent < 24 << 20
    writer.close()


async def test_no_orchestrator(tunnel: Any, orchestrator: MockOrchestrator) -> None:
    """The agent's connection is closed at once and cleanly; the tunnel lives, and works when it is back."""
    await orchestrator.stop()
    reader, writer = await connect(tunnel.path)
    async with asyncio.timeout(10):
        assert await reader.read(-1) == b""
    writer.close()
    assert tunnel.traffic.refused == 1
    assert "Connection refused" in tunnel.traffic.problem
    await orchestrator.start()
    reader, writer = await connect(tunnel.path)
    writer.write(b"again")
    writer.write_eof()
    assert await reader.read(-1) == b"again"
    writer.close()
    assert tunnel.traffic.problem is None


async def test_an_agent_that_has_lost_count(
    tunnel: Any, orchestrator: MockOrchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reverse, "CONNECTIONS_PER_HOST", 3)
    held = []
    for _ in range(3):
        reader, writer = await connect(tunnel.path)
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        held.append(writer)
    reader, writer = await connect(tunnel.path)
    assert await reader.read(-1) == b""
    writer.close()
    assert (tunnel.traffic.connections, tunnel.traffic.refused) == (3, 1)
    for writer in held:
        writer.close()


async def test_tasks_and_tunnel_share_one_login(tunnel: Any, helpers: Any, sshd: Make) -> None:
    assert (await tunnel.session.call(helpers.call("echo", value=1)))["value"] == 1
    assert tunnel.session._connection is tunnel.listening._connection


async def test_closing_ends_what_it_carries(tunnel: Any, orchestrator: MockOrchestrator, helpers: Any) -> None:
    reader, writer = await connect(tunnel.path)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    await tunnel.listening.close()
    assert await reader.read(-1) == b""
    await helpers.eventually(lambda: orchestrator.open == 0)
    assert tunnel.traffic.connections == 0
    # sshd leaves the file behind; nobody listens on it any more.
    with pytest.raises(ConnectionRefusedError):
        await connect(tunnel.path)
    writer.close()
    # The connection itself is none of its business.
    assert (await tunnel.session.call(helpers.call("echo", value=2)))["value"] == 2


async def test_a_connection_that_is_cut(tunnel: Any, orchestrator: MockOrchestrator, helpers: Any) -> None:
    """Both ends hear of it, and the orchestrator does not take what it got for all there is."""
    ended = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"!")
        try:
            ended.set_result(await reader.read(-1))
        except ConnectionError as problem:
            ended.set_result(problem)

    orchestrator.serve = serve
    reader, writer = await connect(tunnel.path)
    writer.write(b"half of")
    assert await reader.readexactly(1) == b"!"
    tunnel.session._connection.abort()
    async with asyncio.timeout(10):
        await tunnel.listening.lost.wait()
        assert isinstance(await ended, ConnectionError)
        assert await reader.read(-1) == b""
    writer.close()
    assert tunnel.traffic.connections == 0


async def test_an_sshd_that_forbids_it(sshd: Make, place: Any, pool: Make, orchestrator: MockOrchestrator) -> None:
    session = pool().session(sshd("AllowStreamLocalForwarding no", user=place.name).spec())
    with pytest.raises(TunnelError) as caught:
        await session.listen(str(place.home / "o.sock"), orchestrator.endpoint, Traffic())
    assert "AllowStreamLocalForwarding" in str(caught.value.hint)
    assert caught.value.where == "web"


async def test_a_host_that_is_not_there(sshd: Make, place: Any, pool: Make, orchestrator: MockOrchestrator) -> None:
    server = sshd(user=place.name)
    server.stop()
    with pytest.raises(UnreachableError):
        await pool().session(server.spec()).listen("/tmp/never", orchestrator.endpoint, Traffic())
    assert not os.path.lexists("/tmp/never")


async def test_this_machine_itself_needs_none(pool: Make, orchestrator: MockOrchestrator) -> None:
    from stella_ops.transport.base import ConnectionSpec

    session = pool().session(ConnectionSpec(name="here", kind="local"))
    with pytest.raises(TunnelError, match="needs no tunnel"):
        await session.listen("/tmp/never", orchestrator.endpoint, Traffic())
