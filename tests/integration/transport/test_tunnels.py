"""Tunnels of hosts, over real sshd: whose socket it is, who may have it, and what becomes of it when things break."""

import asyncio
import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from stella_ops.errors import TunnelError, TunnelTakenError, UnreachableError
from stella_ops.lab.fault_proxy import FaultProxy
from stella_ops.transport.base import Become
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.traffic import Endpoint
from stella_ops.transport.tunnel import HostTunnel, Purpose
from stella_ops.transport.tunnels import Tunnelled, Tunnels

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]

SUDO = "USER ALL=(ALL) NOPASSWD: ALL"


@pytest.fixture
def code() -> CodeLibrary:
    """The module is the real one."""
    return CodeLibrary(())


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """Where a mock of the orchestrator says hello to whoever comes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"hello " + await reader.readline())
            await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])


def purpose(endpoint: Endpoint, who: str = "ops@controller (process 1)", **more: Any) -> Purpose:
    return Purpose(endpoint=endpoint, id=os.urandom(8).hex(), holder=who, **more)


async def greeted(path: Any, line: bytes = b"agent\n") -> bytes:
    """What the orchestrator says at a socket."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line)
    said = await reader.readline()
    writer.close()
    return said


def can_connect(path: Any, user: str) -> bool:
    """Whether another user of this machine may connect to a socket."""
    entry = pwd.getpwnam(user)
    script = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    done = subprocess.run(
        ["/usr/bin/python3", "-c", script, str(path)],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


class Watch:
    """Remembers states, and lets a test wait for one."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, entry: Tunnelled) -> None:
        self.seen.append((entry.host, entry.state))
        task = asyncio.create_task(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def until(self, state: str, times: int = 1, timeout: float = 30) -> None:
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: [one for _, one in self.seen].count(state) >= times)


@pytest_asyncio.fixture
async def tunnels() -> AsyncIterator[Callable[..., Tunnels]]:
    made: list[Tunnels] = []

    def make(*args: Any, **options: Any) -> Tunnels:
        options.setdefault("jitter", lambda: 0.1)
        made.append(Tunnels(asyncio.Semaphore(8), *args, **options))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
def alice(account: Make) -> Any:
    return account()


@pytest.fixture
def prefix(alice: Any) -> Path:
    """Where alice's own agent is installed."""
    return Path(alice.home) / "agent"


def host(session: Any, prefix: Path, purpose: Purpose, become: Become | None = None) -> HostTunnel:
    return HostTunnel(lambda: session, become, str(prefix), purpose)


def the_socket(prefix: Path) -> Path:
    return prefix / "run" / "tunnel" / "orchestrator.sock"


# -- whose it is


async def test_ones_own_agent(sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint) -> None:
    tunnel = host(pool().session(sshd(user=alice.name).spec()), prefix, purpose(endpoint))
    await tunnel.open()
    path = the_socket(prefix)
    assert tunnel.socket == str(path)
    assert tunnel.user == alice.name
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o755
    assert await greeted(path) == b"hello agent\n"
    assert await tunnel.is_held()
    await tunnel.close()
    assert not prefix.exists(), "nothing was installed there: what was made for the tunnel goes with it"


@pytest.fixture
def agents_home(account: Make) -> Any:
    """An agent of another user, as an install leaves it: below a prefix that everybody can pass."""
    agent = account()
    home = Path(agent.home)
    home.chmod(0o755)
    prefix = home / "agent"
    for folder in (prefix, prefix / "var", prefix / "run"):
        folder.mkdir()
        os.chown(folder, pwd.getpwnam(agent.name).pw_uid, pwd.getpwnam(agent.name).pw_gid)
    (prefix / ".stella-agent").write_text("{}")
    return agent, prefix


@pytest.mark.parametrize("login", ["root", "sudo"])
async def test_an_agent_of_another_user(
    sshd: Make, account: Make, agents_home: Any, pool: Make, endpoint: Endpoint, login: str
) -> None:
    """The socket is the agent's user's alone; its folder is the login user's, so that sshd can make it."""
    agent, prefix = agents_home
    name, become = ("root", None) if login == "root" else (account(sudo=SUDO).name, Become())
    stranger = account()
    session = pool().session(sshd(user=name).spec())
    tunnel = host(session, prefix, purpose(endpoint), become)
    await tunnel.open()
    path = the_socket(prefix)
    assert (pwd.getpwuid(path.stat().st_uid).pw_name, path.stat().st_mode & 0o777) == (agent.name, 0o600)
    about = path.parent.stat()
    assert (pwd.getpwuid(about.st_uid).pw_name, about.st_mode & 0o777) == (name, 0o755)
    assert can_connect(path, agent.name)
    assert not can_connect(path, stranger.name)
    assert await tunnel.is_held()
    await tunnel.close()
    assert not path.parent.exists()
    assert (prefix / "run").is_dir()


async def test_a_login_without_rights(
    sshd: Make, account: Make, agents_home: Any, pool: Make, endpoint: Endpoint
) -> None:
    _, prefix = agents_home
    login = account()
    tunnel = host(pool().session(sshd(user=login.name).spec()), prefix, purpose(endpoint))
    with pytest.raises(TunnelError) as caught:
        await tunnel.open()
    assert f"the login user {login.name} has no right" in caught.value.message
    assert "-b" in str(caught.value.hint)
    assert not the_socket(prefix).parent.exists()


async def test_a_login_that_cannot_pass(
    sshd: Make, account: Make, agents_home: Any, pool: Make, endpoint: Endpoint
) -> None:
    """Root may do everything, but sshd makes the socket as the login user."""
    agent, prefix = agents_home
    Path(agent.home).chmod(0o700)
    login = account(sudo=SUDO)
    tunnel = host(pool().session(sshd(user=login.name).spec()), prefix, purpose(endpoint), Become())
    with pytest.raises(TunnelError, match=f"the login user {login.name} cannot reach"):
        await tunnel.open()


async def test_become_somebody_who_cannot_hand_it_over(
    sshd: Make, account: Make, prefix: Path, alice: Any, pool: Make, endpoint: Endpoint
) -> None:
    login, other = account(sudo=SUDO), account()
    session = pool().session(sshd(user=login.name).spec())
    tunnel = host(session, prefix, purpose(endpoint), Become(user=other.name))
    with pytest.raises(TunnelError, match="cannot hand it to the agent"):
        await tunnel.open()


async def test_a_user_of_the_agents_that_comes_later(
    sshd: Make, account: Make, agents_home: Any, pool: Make, endpoint: Endpoint
) -> None:
    """What an install changes is made good at the next look."""
    agent, prefix = agents_home
    root = pwd.getpwnam("root")
    os.chown(prefix / "var", root.pw_uid, root.pw_gid)
    tunnel = host(pool().session(sshd(user="root").spec()), prefix, purpose(endpoint))
    await tunnel.open()
    assert tunnel.user == "root"
    os.chown(prefix / "var", pwd.getpwnam(agent.name).pw_uid, -1)
    assert await tunnel.is_held()
    assert tunnel.user == agent.name
    assert can_connect(the_socket(prefix), agent.name)
    await tunnel.close()


async def test_a_path_too_long(sshd: Make, alice: Any, pool: Make, endpoint: Endpoint) -> None:
    prefix = Path(alice.home) / ("long" * 25)
    tunnel = host(pool().session(sshd(user=alice.name).spec()), prefix, purpose(endpoint))
    with pytest.raises(TunnelError, match="too long for a socket"):
        await tunnel.open()


async def test_an_sshd_that_forbids_it(sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint) -> None:
    session = pool().session(sshd("AllowStreamLocalForwarding local", user=alice.name).spec())
    with pytest.raises(TunnelError) as caught:
        await host(session, prefix, purpose(endpoint)).open()
    assert "AllowStreamLocalForwarding" in str(caught.value.hint)
    assert not prefix.exists(), "what was prepared goes again"


# -- what lies there already


async def test_a_stale_socket_is_removed(sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint) -> None:
    server = sshd(user=alice.name)
    first = host(pool().session(server.spec()), prefix, purpose(endpoint))
    await first.open()
    session = first.session()
    session._connection.abort()
    await first.listening.lost.wait()
    assert the_socket(prefix).is_socket()
    second = host(pool().session(server.spec()), prefix, purpose(endpoint))
    async with asyncio.timeout(20):
        # sshd may take a moment to notice that the first has gone.
        while True:
            try:
                await second.open()
                break
            except TunnelTakenError:
                await asyncio.sleep(0.05)
    assert await greeted(the_socket(prefix)) == b"hello agent\n"
    await second.close()


async def test_what_is_no_socket_is_left_alone(
    sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint
) -> None:
    folder = the_socket(prefix).parent
    folder.mkdir(parents=True)
    the_socket(prefix).write_text("precious")
    for path in (prefix, prefix / "run", folder, the_socket(prefix)):
        os.chown(path, pwd.getpwnam(alice.name).pw_uid, -1)
    with pytest.raises(TunnelError, match="is no socket"):
        await host(pool().session(sshd(user=alice.name).spec()), prefix, purpose(endpoint)).open()
    assert the_socket(prefix).read_text() == "precious"


async def test_a_link_in_the_folders_place_is_not_followed(
    sshd: Make, agents_home: Any, tmp_path: Path, pool: Make, endpoint: Endpoint
) -> None:
    """The run folder is the agent's, who could have root make sockets, and give them away, elsewhere."""
    _, prefix = agents_home
    (tmp_path / "elsewhere").mkdir()
    (prefix / "run" / "tunnel").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TunnelError, match="is no folder"):
        await host(pool().session(sshd(user="root").spec()), prefix, purpose(endpoint)).open()
    assert not list((tmp_path / "elsewhere").iterdir())


async def test_a_second_tunnel_is_refused(sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint) -> None:
    server = sshd(user=alice.name)
    first = host(pool().session(server.spec()), prefix, purpose(endpoint, "bob@desk (process 7)"))
    await first.open()
    second = host(pool().session(server.spec()), prefix, purpose(endpoint))
    with pytest.raises(TunnelTakenError) as caught:
        await second.open()
    assert "bob@desk (process 7)" in caught.value.message
    assert f"of user {alice.name}" in caught.value.message
    assert str(endpoint) in caught.value.message
    assert "--replace" in str(caught.value.hint)
    assert await greeted(the_socket(prefix)) == b"hello agent\n", "the first is as it was"
    with pytest.raises(TunnelTakenError):
        await second.foretell()
    await first.close()


async def test_one_that_takes_over(
    sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint, tunnels: Make
) -> None:
    server, watch = sshd(user=alice.name), Watch()
    keeper = tunnels(watch, look=0.5)
    first = await keeper.opened("web", host(pool().session(server.spec()), prefix, purpose(endpoint, "bob@desk")))
    second = host(pool().session(server.spec()), prefix, purpose(endpoint, "eve@desk", replace=True))
    await second.open()
    await watch.until("failed")
    assert isinstance(first.problem, TunnelTakenError)
    assert "eve@desk" in first.problem.message
    await keeper.close()
    assert await greeted(the_socket(prefix)) == b"hello agent\n", "the end of the first does not end the second"
    await second.close()


async def test_two_that_take_over_do_not_go_on_for_ever(
    sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint
) -> None:
    server = sshd(user=alice.name)
    first = host(pool().session(server.spec()), prefix, purpose(endpoint, replace=True))
    second = host(pool().session(server.spec()), prefix, purpose(endpoint, replace=True))
    await first.open()
    await second.open()
    with pytest.raises(TunnelTakenError):
        await first.open()
    assert await greeted(the_socket(prefix)) == b"hello agent\n"
    await second.close()


# -- what breaks


async def test_a_cut_connection_is_made_good(
    sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint, tunnels: Make, helpers: Any
) -> None:
    """Even while the host's sshd still holds the old socket, having heard nothing of the cut."""
    server, watch = sshd(user=alice.name), Watch()
    async with FaultProxy(server.address, server.port) as proxy:
        known = server.folder / "known_by_proxy"
        known.write_text(f"[127.0.0.1]:{proxy.port} {server.known_line.split(' ', 1)[1]}\n")
        spec = server.spec(
            address="127.0.0.1",
            port=proxy.port,
            common_args=f"-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null",
        )
        session = pool().session(spec)
        await tunnels(watch).opened("web", host(session, prefix, purpose(endpoint)))
        reader, writer = await asyncio.open_unix_connection(str(the_socket(prefix)))
        writer.write(b"before\n")
        assert await reader.readline() == b"hello before\n"
        old = server.sessions()
        for pid in old:
            os.kill(pid, signal.SIGSTOP)
        proxy.cut()
        await watch.until("up", times=2)
        assert await greeted(the_socket(prefix), b"after\n") == b"hello after\n"
        assert [state for _, state in watch.seen] == ["opening", "up", "lost", "opening", "up"]
        assert proxy.connections == 2, "one login each time"
        for pid in old:
            os.kill(pid, signal.SIGCONT)
        assert await reader.read(-1) == b""
        writer.close()
        await helpers.eventually(lambda: not any(helpers.alive(pid) for pid in old))
        assert await greeted(the_socket(prefix)) == b"hello agent\n", "the old one's end leaves the new one alone"


async def test_two_cuts_and_a_host_that_is_away(
    sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint, tunnels: Make
) -> None:
    server, watch = sshd(user=alice.name), Watch()
    async with FaultProxy(server.address, server.port) as proxy:
        known = server.folder / "known_by_proxy"
        known.write_text(f"[127.0.0.1]:{proxy.port} {server.known_line.split(' ', 1)[1]}\n")
        session = pool().session(
            server.spec(
                address="127.0.0.1",
                port=proxy.port,
                common_args=f"-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null",
            )
        )
        entry = await tunnels(watch).opened("web", host(session, prefix, purpose(endpoint)))
        proxy.refuse()
        proxy.cut()
        await watch.until("lost", times=2)
        assert isinstance(entry.problem, UnreachableError)
        proxy.refuse(False)
        await watch.until("up", times=2)
        assert await greeted(the_socket(prefix)) == b"hello agent\n"


async def test_a_socket_that_somebody_removes(
    sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint, tunnels: Make
) -> None:
    """systemd removes the run folder when the agent's service is stopped."""
    watch = Watch()
    session = pool().session(sshd(user=alice.name).spec())
    await tunnels(watch, look=0.5).opened("web", host(session, prefix, purpose(endpoint)))
    subprocess.run(["rm", "-r", str(prefix / "run")], check=True)
    await watch.until("up", times=2)
    assert await greeted(the_socket(prefix)) == b"hello agent\n"


async def test_a_host_that_cannot_be_reached_at_first(
    sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint, tunnels: Make
) -> None:
    server = sshd(user=alice.name)
    spec = server.spec()
    server.stop()
    watch = Watch()
    with pytest.raises(UnreachableError):
        await tunnels(watch).opened("web", host(pool().session(spec), prefix, purpose(endpoint)))
    assert [state for _, state in watch.seen] == ["opening", "failed"]
    patient = Watch()
    tunnels(patient, keep_trying=True).add("web", host(pool().session(spec), prefix, purpose(endpoint)))
    await patient.until("lost", times=2)


async def test_twenty_hosts_at_once(
    sshd: Make, alice: Any, pool: Make, endpoint: Endpoint, tunnels: Make, helpers: Any
) -> None:
    server, made, keeper = sshd("MaxStartups 1000", user=alice.name), pool(), tunnels()
    names = [f"web{number}" for number in range(20)]
    for name in names:
        session = made.session(server.spec(name=name))
        keeper.add(name, host(session, Path(alice.home) / name, purpose(endpoint)))
    async with asyncio.timeout(40):
        await asyncio.gather(*(entry.settled.wait() for entry in keeper.hosts))
    assert [entry.state for entry in keeper.hosts] == ["up"] * 20
    said = await asyncio.gather(*(greeted(the_socket(Path(alice.home) / n), n.encode() + b"\n") for n in names))
    assert said == [f"hello {name}\n".encode() for name in names]
    await helpers.eventually(lambda: all(entry.tunnel.traffic.connections == 0 for entry in keeper.hosts))
    await keeper.close()
    assert not [name for name in names if (Path(alice.home) / name).exists()]


async def test_the_note_says_who_holds_it(sshd: Make, alice: Any, prefix: Path, pool: Make, endpoint: Endpoint) -> None:
    tunnel = host(pool().session(sshd(user=alice.name).spec()), prefix, purpose(endpoint, "bob@desk"))
    await tunnel.open()
    note = json.loads((the_socket(prefix).parent / "holder.json").read_text())
    assert (note["holder"], note["orchestrator"], note["id"]) == ("bob@desk", str(endpoint), tunnel.purpose.id)
    await tunnel.close()
    with pytest.raises(OSError):
        socket.socket(socket.AF_UNIX).connect(str(the_socket(prefix)))
