"""How often a login and a play wait for the host, counted on the wire; and what a login leaves out.

A new version of asyncssh that looks different inside would go its own way, and more of them: that shows here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from benchmarks.tools.base import Site
from benchmarks.tools.playbook import write_playbook
from benchmarks.works.play import WORK
from stella_ops.cli.modules import module_index
from stella_ops.engine.events import HostFinished
from stella_ops.engine.options import RunOptions
from stella_ops.engine.run import Run
from stella_ops.engine.run_context import RunContext
from stella_ops.errors import AuthenticationError
from stella_ops.inventory.loader import load_inventory
from stella_ops.lab.fault_proxy import FaultProxy
from stella_ops.playbook.parser import load_playbook
from stella_ops.redaction import Redactor
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.pool import SessionPool

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]

# What was measured, and some more: bytes that cross on the way count too. Of a login and a ping, the versions are
# one, keys three, the service and the login one each, the session and the answer two.
LOGIN_AND_PING = 8 + 1
LOGIN_AND_PING_BY_AGENT = 9 + 1
PLAY_PIPELINED = 12 + 2
PLAY_LINEAR = 29 + 1
LOOP = LOGIN_AND_PING + 4
# Long enough for what is sent together to arrive together.
LATENCY = 0.02


class CountingAgent:
    """An SSH agent with a door in front of it, where requests are counted."""

    LIST_KEYS, SIGN = 11, 13

    def __init__(self, folder: Path) -> None:
        self.path = folder / "door.sock"
        self._behind = folder / "agent.sock"
        self.connections = 0
        self.asked: Counter[int] = Counter()
        self._server: asyncio.Server | None = None
        self._process = subprocess.Popen(["ssh-agent", "-D", "-a", str(self._behind)], stdout=subprocess.DEVNULL)

    async def open(self) -> None:
        deadline = time.monotonic() + 10
        while not self._behind.exists():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    def add(self, key: Path) -> None:
        env = {"SSH_AUTH_SOCK": str(self._behind)}
        subprocess.run(["ssh-add", "-q", str(key)], check=True, env=env, stdin=subprocess.DEVNULL, timeout=20)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._process.terminate()
        self._process.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        behind_reader, behind_writer = await asyncio.open_unix_connection(str(self._behind))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _message(reader)
                self.asked[request[4]] += 1
                behind_writer.write(request)
                writer.write(await _message(behind_reader))
        for one in (writer, behind_writer):
            one.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    size = await reader.readexactly(4)
    return size + await reader.readexactly(int.from_bytes(size, "big"))


@pytest_asyncio.fixture
async def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CountingAgent]:
    made = CountingAgent(tmp_path)
    await made.open()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(made.path))
    yield made
    await made.close()


@pytest.fixture
def counted() -> Callable[..., Any]:
    """A proxy before a server; the value is the proxy and how to connect through it."""

    @contextlib.asynccontextmanager
    async def through(server: Any, **changes: Any) -> AsyncIterator[tuple[FaultProxy, Any]]:
        async with FaultProxy(server.address, server.port, latency=LATENCY) as proxy:
            args = f"{server.known_hosts()} -o HostKeyAlias=[{server.address}]:{server.port}"
            yield proxy, server.spec(**{"address": "127.0.0.1", "port": proxy.port, "common_args": args, **changes})

    return through


async def echo(pool: Any, spec: Any, helpers: Any) -> Any:
    return (await pool.session(spec).call(helpers.call("echo", value=7)))["value"]


def requests(server: Any) -> list[str]:
    """The methods of the logins that a server has seen, in order; sshd has to log at DEBUG."""
    return re.findall(r"userauth-request for user \S+ service ssh-connection method (\S+)", server.log.read_text())


# -- round trips


async def fewest(once: Callable[[], Awaitable[int]], most: int) -> int:
    """How many there are. On a busy machine more bytes cross on the way, never fewer: what is too much is counted
    again."""
    counts: list[int] = []
    while len(counts) < 4 and not (counts and min(counts) <= most):
        counts.append(await once())
    return min(counts)


async def test_a_login_with_a_key_file_and_the_first_answer(sshd: Make, pool: Make, helpers: Any, counted: Any) -> None:
    server = sshd()

    async def once() -> int:
        async with counted(server) as (proxy, spec):
            assert await echo(pool(), spec, helpers) == 7
            return int(proxy.round_trips)

    assert await fewest(once, LOGIN_AND_PING) <= LOGIN_AND_PING


async def test_a_login_with_the_agent_and_the_first_answer(
    sshd: Make, pool: Make, helpers: Any, counted: Any, agent: CountingAgent
) -> None:
    server = sshd()
    agent.add(server.key)

    async def once() -> int:
        async with counted(server, private_key_file=None) as (proxy, spec):
            assert await echo(pool(), spec, helpers) == 7
            return int(proxy.round_trips)

    assert await fewest(once, LOGIN_AND_PING_BY_AGENT) <= LOGIN_AND_PING_BY_AGENT


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that the hosts' login user can write to, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="stella-trips-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


class _Remembering:
    def __init__(self) -> None:
        self.events: list[Any] = []

    def handle(self, event: Any) -> None:
        self.events.append(event)

    def close(self) -> None:
        return None


@pytest.mark.parametrize(
    ("strategy", "most"), [("pipelined", PLAY_PIPELINED), ("linear", PLAY_LINEAR)], ids=["pipelined", "linear"]
)
async def test_a_play(sshd: Make, tmp_path: Path, root: Path, counted: Any, strategy: str, most: int) -> None:
    """Under linear with a second host beside, that is: one task at a time."""
    servers = [sshd(), sshd()]
    materials = tmp_path / "materials"
    materials.mkdir()
    for name, content in WORK.materials.items():
        (materials / name).write_bytes(content)

    async def once() -> int:
        return await _play(counted, servers, tmp_path, root, strategy)

    assert await fewest(once, most) <= most


async def test_a_loop(sshd: Make, counted: Any, tmp_path: Path, root: Path) -> None:
    """On two hosts under linear, where tasks are not sent ahead; items of a loop are."""
    servers = [sshd(), sshd()]
    tasks = [{"command": "true", "loop": list(range(30))}]
    book = tmp_path / "loop.yml"
    (tmp_path / "materials").mkdir()
    book.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))

    async def once() -> int:
        return await _play(counted, servers, tmp_path, root, "linear", book)

    assert await fewest(once, LOOP) <= LOOP


async def _play(
    counted: Any, servers: list[Any], tmp_path: Path, root: Path, strategy: str, book: Path | None = None
) -> int:
    """How many round trips the first of two hosts saw; without a playbook, in the one of the benchmarks."""
    async with counted(servers[0]) as (proxy, spec), counted(servers[1]) as (_, other):
        variables = {
            name: {
                "ansible_host": one.address,
                "ansible_port": one.port,
                "ansible_user": one.user,
                "ansible_ssh_private_key_file": str(one.private_key_file),
                "ansible_ssh_common_args": one.common_args,
                "bench_root": str(root / name),
            }
            for name, one in (("web", spec), ("other", other))
        }
        for name in variables:
            (root / name).mkdir(exist_ok=True)
            (root / name).chmod(0o777)
        site = Site(hosts=(), folder=tmp_path, home=tmp_path, variables=variables, materials=tmp_path / "materials")
        expected = 2 if book else 42
        book = book or write_playbook(WORK, site, strategy=strategy)
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": variables}}))
        seen = _Remembering()
        context = RunContext(
            run_id="run",
            inventory=load_inventory([tmp_path / "hosts.yml"]),
            options=RunOptions(),
            pool=SessionPool(CodeLibrary(()), config_files=[], project_known_hosts=tmp_path / "known"),
            reporter=seen,
            redactor=Redactor(),
        )
        code = await Run(context).execute([load_playbook(book, modules=module_index(()))])
        assert code == 0, [event.result for event in seen.events if isinstance(event, HostFinished)]
        assert sum(isinstance(event, HostFinished) for event in seen.events) == expected
        return int(proxy.round_trips)


# -- what a login leaves out


async def test_a_key_file_signs_at_once(sshd: Make, pool: Make, helpers: Any) -> None:
    """Neither whether anything is needed is asked, nor whether the key would do."""
    server = sshd("LogLevel DEBUG")
    assert await echo(pool(), server.spec(), helpers) == 7
    assert requests(server) == ["publickey"]
    assert "Postponed publickey" not in server.log.read_text()


async def test_the_agent_is_asked_to_sign_only_what_will_do(
    sshd: Make, pool: Make, helpers: Any, agent: CountingAgent, tmp_path: Path
) -> None:
    """A signature by an agent may take a person's touch."""
    server = sshd("LogLevel DEBUG")
    for number in range(2):
        agent.add(helpers.make_key(tmp_path / f"other{number}"))
    agent.add(server.key)
    assert await echo(pool(), server.spec(private_key_file=None), helpers) == 7
    assert agent.asked[CountingAgent.SIGN] == 1
    assert "Postponed publickey" in server.log.read_text()


async def test_the_agent_is_asked_once_for_all_hosts(
    sshd: Make, pool: Make, helpers: Any, agent: CountingAgent
) -> None:
    first = sshd()
    servers = [first, *(sshd(key=first.key) for _ in range(5))]
    agent.add(first.key)
    shared = pool()
    answers = await asyncio.gather(
        *(echo(shared, one.spec(private_key_file=None, name=one.address), helpers) for one in servers)
    )
    assert answers == [7] * 6
    assert agent.connections == 1
    assert agent.asked == {CountingAgent.LIST_KEYS: 1, CountingAgent.SIGN: 6}


async def test_an_agent_that_is_gone_fails_the_login_only(
    sshd: Make, pool: Make, helpers: Any, agent: CountingAgent
) -> None:
    servers = [sshd(), sshd()]
    await agent.close()
    for server in servers:
        with pytest.raises(AuthenticationError):
            await echo(pool(), server.spec(private_key_file=None), helpers)
    assert await echo(pool(), servers[0].spec(), helpers) == 7


async def test_a_server_that_takes_no_keys_gets_the_password(
    sshd: Make, account: Make, pool: Make, helpers: Any
) -> None:
    login = account()
    server = sshd("PubkeyAuthentication no", "PasswordAuthentication yes", "LogLevel DEBUG", user=login.name)
    assert await echo(pool(), server.spec(password=login.password), helpers) == 7
    assert requests(server) == ["publickey", "password"]


async def test_a_key_that_is_refused_leaves_the_password(sshd: Make, account: Make, pool: Make, helpers: Any) -> None:
    login = account()
    server = sshd("PasswordAuthentication yes", user=login.name)
    wrong = helpers.make_key(server.folder / "wrong")
    assert await echo(pool(), server.spec(password=login.password, private_key_file=wrong), helpers) == 7


async def test_no_usable_key_at_all_leaves_the_password(
    sshd: Make, account: Make, pool: Make, helpers: Any, agent: CountingAgent, tmp_path: Path
) -> None:
    """The named key has a passphrase, and the agent does not have it."""
    login = account()
    server = sshd("PasswordAuthentication yes", "LogLevel DEBUG", user=login.name)
    locked = helpers.make_key(tmp_path / "locked", "ed25519", "open sesame")
    assert await echo(pool(), server.spec(password=login.password, private_key_file=locked), helpers) == 7
    assert requests(server) == ["none", "password"]


async def test_methods_that_the_operator_rules_out_are_not_tried(
    sshd: Make, account: Make, pool: Make, helpers: Any
) -> None:
    login = account()
    server = sshd("PasswordAuthentication yes", "LogLevel DEBUG", user=login.name)
    for option in ("PreferredAuthentications=password", "PubkeyAuthentication=no"):
        args = f"{server.known_hosts()} -o {option}"
        assert await echo(pool(), server.spec(password=login.password, common_args=args), helpers) == 7
    assert "publickey" not in requests(server)


async def test_an_rsa_key_signs_at_once_too(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    server = sshd("LogLevel DEBUG", key=helpers.make_key(tmp_path / "rsa", "rsa"))
    assert await echo(pool(), server.spec(), helpers) == 7
    assert requests(server) == ["publickey"]


@pytest.mark.parametrize(
    ("cipher", "hidden"),
    [
        ("aes128-gcm@openssh.com", False),
        ("chacha20-poly1305@openssh.com", False),
        ("aes128-ctr", False),
        ("aes128-cbc", True),
    ],
)
async def test_empty_packets_go_before_chained_blocks_alone(
    sshd: Make, pool: Make, helpers: Any, cipher: str, hidden: bool
) -> None:
    server = sshd(f"Ciphers {cipher}", "LogLevel DEBUG3")
    args = f"{server.known_hosts()} -o Ciphers={cipher}"
    assert await echo(pool(), server.spec(common_args=args), helpers) == 7
    log = server.log.read_text()
    assert f"cipher: {cipher}" in log
    received = Counter(re.findall(r"receive packet: type (\d+)", log))
    assert received["50"] == 1
    # Type 2 is SSH_MSG_IGNORE.
    assert (received["2"] > 0) is hidden
