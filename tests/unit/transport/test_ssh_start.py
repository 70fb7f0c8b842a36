"""The start of a runner over SSH, in which nothing is waited for: how it goes well, and how each failure is told."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import pytest_asyncio

from stella_ops.errors import BecomeError, InterpreterError, StellaError, UnreachableError
from stella_ops.transport.base import Become, ConnectionSpec, ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.ssh import SshSession

PASSWORD = "correct horse"
# Asks as sudo does, reads no more than its line, and says what sudo says.
SUDO = f"""#!{sys.executable}
import os, sys
words = sys.argv[1:]
command = words[words.index("--") + 1:]
if "-S" not in words:
    sys.exit("sudo: a password is required")
for attempt in range(3):
    sys.stderr.write(words[words.index("-p") + 1])
    sys.stderr.flush()
    line = b""
    while not line.endswith(b"\\n"):
        line += os.read(0, 1) or sys.exit(1)
    if line == b"{PASSWORD}\\n":
        os.execvp(command[0], command)
    sys.stderr.write("Sorry, try again.\\n")
sys.exit("sudo: 3 incorrect password attempts")
"""


class Server(asyncssh.SSHServer):
    """Lets everybody in, and starts what it is asked to; ``refuses`` a session or its command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refuses: str | None = None
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.serving: set[asyncio.Task[None] | None] = set()

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return False

    def session_requested(self) -> Any:
        if self.refuses == "session":
            return False
        if self.refuses == "exec":
            return asyncssh.SSHServerSession()
        return asyncssh.SSHServerProcess(self.serve, None, 3, False)

    async def serve(self, process: Any) -> None:
        self.serving.add(asyncio.current_task())
        env = {"PATH": f"{self.folder}:{os.environ['PATH']}", "HOME": str(self.folder)}
        if self.refuses == "says":
            process.stderr.write(b"This account is closed.\n")
            process.exit(1)
            return
        if self.refuses == "drops":
            self.connections[-1].abort()
            return
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
        program = await asyncio.create_subprocess_exec("/bin/sh", "-c", process.command, env=env, **pipes)
        given = asyncio.create_task(feed(process.stdin, program.stdin))
        # The exit is told behind the last word.
        await asyncio.gather(pump(program.stdout, process.stdout), pump(program.stderr, process.stderr))
        status = await program.wait()
        given.cancel()
        await asyncio.wait((given,))
        process.exit(status)


async def feed(source: Any, sink: Any) -> None:
    try:
        await pump(source, sink)
    finally:
        sink.close()


async def pump(source: Any, sink: Any) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()


class Connector:
    """Connects with the server; what the real one does about keys is tested elsewhere."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def connect(self, spec: ConnectionSpec) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            "127.0.0.1", self.port, known_hosts=None, username="ops", client_keys=None, config=None, agent_path=None
        )


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    (tmp_path / "sudo").write_text(SUDO)
    (tmp_path / "sudo").chmod(0o755)
    made.listener = await asyncssh.listen(  # type: ignore[attr-defined]
        "127.0.0.1",
        0,
        server_factory=lambda: made,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        encoding=None,
    )
    yield made
    made.listener.close()  # type: ignore[attr-defined]
    if made.serving:
        await asyncio.wait(made.serving, timeout=10)


@pytest_asyncio.fixture
async def ssh(server: Any, code: CodeLibrary) -> AsyncIterator[Callable[..., SshSession]]:
    """Makes sessions with the server; closed in the end."""
    made: list[SshSession] = []

    def make(interpreter: str | None = sys.executable) -> SshSession:
        spec = ConnectionSpec(name="web", interpreter=interpreter)
        made.append(SshSession(spec, code, Connector(server.listener.get_port())))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for session in made:
        await session.close()


def call(value: int = 1) -> ModuleCall:
    return ModuleCall(module="echo", args={"value": value})


@pytest.mark.parametrize("become", [None, Become(password=PASSWORD)], ids=["as the login user", "with a password"])
async def test_calls_that_come_before_the_runner_are_answered(ssh: Any, become: Become | None) -> None:
    session = ssh()
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(session.call(call(number), become) for number in range(5)))
        assert [answer["value"] for answer in answers] == list(range(5))
        assert (await session.hello(become))["pid"]
        assert (await session.call(call(9), become))["value"] == 9


FAILURES = {
    "no session": ("session", None, sys.executable, UnreachableError, "the host opens no session: "),
    "no command": ("exec", None, sys.executable, UnreachableError, "the host opens no session: "),
    "a closed account": ("says", None, sys.executable, UnreachableError, "did not start: This account is closed"),
    "a broken connection": ("drops", None, sys.executable, UnreachableError, "did not start"),
    "no Python": (
        None,
        None,
        "/no/such/python",
        InterpreterError,
        "The module interpreter '/no/such/python' was not found",
    ),
    "sudo refuses": (
        None,
        Become(),
        sys.executable,
        BecomeError,
        "Missing sudo password: cannot become root: sudo: a password is required",
    ),
    "a wrong password": (None, Become(password="no"), sys.executable, BecomeError, "the password is wrong"),
    "no Python behind sudo": (
        None,
        Become(password=PASSWORD),
        "/no/such/python",
        InterpreterError,
        "The module interpreter '/no/such/python' was not found",
    ),
}


@pytest.mark.parametrize(("refuses", "become", "python", "kind", "text"), FAILURES.values(), ids=FAILURES)
async def test_a_start_that_fails_is_told_to_each_call_that_waits(
    ssh: Any, server: Server, refuses: str | None, become: Become | None, python: str, kind: type, text: str
) -> None:
    session = ssh(python)
    server.refuses = refuses
    for _ in range(2):  # the next call tries again, and meets the same
        async with asyncio.timeout(60):
            errors = await asyncio.gather(*(session.call(call(), become) for _ in range(3)), return_exceptions=True)
        assert [type(error) for error in errors] == [kind] * 3, errors
        assert all(text in str(error) for error in errors), errors
        assert {error.where for error in errors if isinstance(error, StellaError)} == {"web"}


async def test_a_host_that_has_come_to_its_senses_is_asked_again(ssh: Any, server: Server) -> None:
    session = ssh()
    server.refuses = "exec"
    with pytest.raises(UnreachableError):
        await session.call(call())
    server.refuses = None
    async with asyncio.timeout(60):
        assert (await session.call(call()))["value"] == 1


async def test_a_session_may_be_closed_while_it_starts(ssh: Any, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    # It takes all that comes and never says a word, until its input ends with the session.
    slow.write_text(f"#!/bin/sh\necho started > {tmp_path}/mark\nexec cat > /dev/null\n")
    slow.chmod(0o755)
    session = ssh(str(slow))
    waiting = asyncio.create_task(session.call(call()))
    async with asyncio.timeout(60):
        while not (tmp_path / "mark").exists():
            await asyncio.sleep(0.01)
        await session.close()
        with pytest.raises(UnreachableError, match="the session is closed"):
            await waiting


async def test_a_session_may_be_closed_while_it_connects(ssh: Any) -> None:
    session = ssh()
    connecting = asyncio.Event()

    async def connect(spec: ConnectionSpec) -> Any:
        connecting.set()
        await asyncio.Event().wait()

    session._connector.connect = connect
    waiting = asyncio.create_task(session.call(call()))
    async with asyncio.timeout(60):
        await connecting.wait()
        await session.close()
        with pytest.raises(UnreachableError, match="the session is closed"):
            await waiting


async def test_one_of_several_that_wait_may_be_cancelled(ssh: Any) -> None:
    session = ssh()
    first, second = (asyncio.create_task(session.call(call(number))) for number in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    async with asyncio.timeout(60):
        assert (await second)["value"] == 2
    with contextlib.suppress(asyncio.CancelledError):
        await first
