"""However a connection ends, nothing is left running on the host."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import UnreachableError
from stella_ops.lab.fault_proxy import FaultProxy
from stella_ops.transport.base import Become

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]

SUDO = "USER ALL=(ALL) NOPASSWD: ALL"


async def start_sleeper(session: Any, helpers: Any, place: Any, become: Become | None) -> tuple[Any, list[int]]:
    """A module that waits in a child of its own; the call, and the pids: wrapper shells, runner, module, children."""
    path = place.home / "pids"
    # The password serves as a mark that stands in no other process's arguments.
    call = asyncio.create_task(session.call(helpers.call("sleeper", mark=place.password, path=str(path)), become))
    text = await helpers.eventually(lambda: path.exists() and path.read_text())
    runner = int(text.split()[0])
    parent = int(Path(f"/proc/{runner}/stat").read_text().rpartition(")")[2].split()[1])
    below = await helpers.eventually(lambda: len(found := helpers.children(parent)) >= 4 and found)
    assert {int(pid) for pid in text.split()} <= set(below)
    assert any("sleep" in Path(f"/proc/{pid}/cmdline").read_text() for pid in below)
    return call, [parent, *below]


@pytest.fixture
def place(account: Make) -> Any:
    """A login that may sudo; its home is where modules write."""
    return account(sudo=SUDO)


async def gone(helpers: Any, pids: list[int], mark: str) -> None:
    await helpers.eventually(lambda: not any(helpers.alive(pid) for pid in pids), timeout=30)
    assert not helpers.living(mark)


BECOME = pytest.mark.parametrize("become", [None, Become()], ids=["login user", "root"])


@BECOME
async def test_a_session_that_is_closed(
    sshd: Make, place: Any, pool: Make, helpers: Any, become: Become | None
) -> None:
    made = pool()
    session = made.session(sshd(user=place.name).spec())
    call, pids = await start_sleeper(session, helpers, place, become)
    await made.close()
    with pytest.raises(UnreachableError):
        await call
    await gone(helpers, pids, place.password)


@BECOME
async def test_a_call_that_is_cancelled(
    sshd: Make, place: Any, pool: Make, helpers: Any, become: Become | None
) -> None:
    session = pool().session(sshd(user=place.name).spec())
    call, _ = await start_sleeper(session, helpers, place, become)
    runner = int((place.home / "pids").read_text().split()[0])
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await gone(helpers, helpers.children(runner), place.password)
    assert helpers.alive(runner)
    assert (await session.call(helpers.call("echo", value=1), become))["value"] == 1


@BECOME
async def test_a_network_that_is_cut(sshd: Make, place: Any, pool: Make, helpers: Any, become: Become | None) -> None:
    server = sshd(user=place.name)
    async with FaultProxy(server.address, server.port) as proxy:
        args = server.known_hosts() + f" -o HostKeyAlias=[{server.address}]:{server.port}"
        session = pool().session(server.spec(address="127.0.0.1", port=proxy.port, common_args=args))
        call, pids = await start_sleeper(session, helpers, place, become)
        proxy.cut()
        with pytest.raises(UnreachableError, match="the connection to the host broke"):
            await call
        await gone(helpers, pids, place.password)
        # Whoever comes again gets a new connection.
        assert (await session.call(helpers.call("echo", value=1), become))["value"] == 1


@BECOME
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_sshds_session_that_is_killed(
    sshd: Make, place: Any, pool: Make, helpers: Any, become: Become | None, number: int
) -> None:
    server = sshd(user=place.name)
    session = pool().session(server.spec())
    call, pids = await start_sleeper(session, helpers, place, become)
    for pid in server.sessions():
        with contextlib.suppress(OSError):
            if "sshd" in Path(f"/proc/{pid}/comm").read_text():
                os.kill(pid, number)
    with pytest.raises(UnreachableError):
        await call
    await gone(helpers, pids, place.password)


CONTROLLER = """
import asyncio, sys
from pathlib import Path
from stella_ops.transport.base import Become, ConnectionSpec, ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.pool import SessionPool

async def main(modules, address, port, user, key, args, mark, path, become):
    pool = SessionPool(CodeLibrary((Path(modules),)), config_files=[])
    spec = ConnectionSpec(name="web", address=address, port=int(port), user=user, private_key_file=Path(key),
                          common_args=args)
    call = ModuleCall(module="sleeper", args={"mark": mark, "path": path})
    await pool.session(spec).call(call, Become() if become == "yes" else None)

asyncio.run(main(*sys.argv[1:]))
"""


@BECOME
async def test_a_controller_that_is_killed(
    sshd: Make, place: Any, code: Any, helpers: Any, become: Become | None, tmp_path: Path
) -> None:
    server = sshd(user=place.name)
    script = tmp_path / "controller.py"
    script.write_text(textwrap.dedent(CONTROLLER))
    path = place.home / "pids"
    words = [tmp_path / "modules", server.address, server.port, server.user, server.key, server.known_hosts()]
    words += [place.password, path, "yes" if become else "no"]
    controller = subprocess.Popen([sys.executable, script, *map(str, words)])
    try:
        text = await helpers.eventually(lambda: path.exists() and path.read_text())
        # sshd's own processes for the session, the wrapper shell, the runner and all below it.
        pids = server.sessions()
        assert {int(pid) for pid in text.split()} <= set(pids)
    finally:
        controller.kill()
        controller.wait()
    await gone(helpers, pids, place.password)
    await helpers.eventually(lambda: not server.sessions())


@BECOME
async def test_a_runner_that_is_killed(sshd: Make, place: Any, pool: Make, helpers: Any, become: Become | None) -> None:
    """As when memory runs out on the host."""
    session = pool().session(sshd(user=place.name).spec())
    call, pids = await start_sleeper(session, helpers, place, become)
    os.kill(int((place.home / "pids").read_text().split()[0]), signal.SIGKILL)
    async with asyncio.timeout(20):
        with pytest.raises(UnreachableError, match="the connection to the host broke"):
            await call
    await gone(helpers, pids[1:] if become is None else pids[2:], place.password)
    assert (await session.call(helpers.call("echo", value=1), become))["value"] == 1


async def test_a_host_that_falls_silent_is_given_up(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    server = sshd()
    async with FaultProxy(server.address, server.port) as proxy:
        args = server.known_hosts() + f" -o HostKeyAlias=[{server.address}]:{server.port}"
        args += " -o ServerAliveInterval=1 -o ServerAliveCountMax=1"
        session = pool().session(server.spec(address="127.0.0.1", port=proxy.port, common_args=args))
        assert (await session.call(helpers.call("echo", value=1)))["value"] == 1
        proxy.stall()
        async with asyncio.timeout(20):
            with pytest.raises(UnreachableError, match="the connection to the host broke"):
                await session.call(helpers.call("echo", value=2))


async def test_daemons_outlive_the_connection(sshd: Make, pool: Make, code: Any, helpers: Any, tmp_path: Path) -> None:
    (tmp_path / "modules" / "daemon.py").write_text(
        "import subprocess\nARGUMENTS = {}\ndef run(task):\n"
        "    return {'pid': subprocess.Popen(['sleep', '30'], start_new_session=True).pid}\n"
    )
    made = pool()
    pid = (await made.session(sshd().spec()).call(helpers.call("daemon")))["pid"]
    await made.close()
    await asyncio.sleep(0.5)
    assert helpers.alive(pid)
    os.kill(pid, signal.SIGKILL)


async def test_the_command_modules_children_are_gone_too(sshd: Make, place: Any, pool: Make, helpers: Any) -> None:
    """The built-in module, a shell in it, and a program that the shell started."""
    made = pool()
    session = made.session(sshd(user=place.name).spec())
    mark = f"31337{os.getpid()}"
    call = asyncio.create_task(session.call(helpers.call("shell", cmd=f"sleep {mark}; true")))
    await helpers.eventually(lambda: helpers.living(f"sleep {mark}"))
    await made.close()
    with pytest.raises(UnreachableError):
        await call
    await helpers.eventually(lambda: not helpers.living(mark))
