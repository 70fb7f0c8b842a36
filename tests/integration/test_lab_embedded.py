"""Embedded hosts, by two clients that are not ours: asyncssh's and OpenSSH's."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from stella_ops.errors import LabError
from stella_ops.lab import embedded, processes
from stella_ops.lab.keys import ensure_key
from stella_ops.lab.model import Lab, LabHost

pytestmark = pytest.mark.integration


@asynccontextmanager
async def login(host: LabHost) -> AsyncIterator[asyncssh.SSHClientConnection]:
    connection = await asyncssh.connect(
        host.address,
        host.port,
        username=host.user,
        client_keys=[str(host.key_file)],
        known_hosts=str(host.known_hosts),
        config=None,
        agent_path=None,
    )
    async with connection:
        yield connection


async def wait_until(condition, seconds: float = 10) -> None:
    """Poll for something another process does that nobody tells us."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_command_runs_in_its_host_s_folder_with_a_small_environment(embedded_lab: Lab) -> None:
    for host in embedded_lab.hosts:
        async with login(host) as connection:
            done = await connection.run("pwd; env; echo complaint >&2; exit 7")
        lines = done.stdout.splitlines()
        assert lines[0] == str(host.folder)
        assert f"HOME={host.folder}" in lines
        names = {line.partition("=")[0] for line in lines[1:]}
        assert names == {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "PWD", "SSH_CONNECTION"}
        assert done.stderr == "complaint\n"
        assert done.exit_status == 7


async def test_bytes_of_any_kind_pass_unchanged_and_ends_pass_both_ways(embedded_lab: Lab) -> None:
    data = os.urandom(8_000_000) + bytes(range(256))
    async with login(embedded_lab.hosts[0]) as connection:
        done = await connection.run("cat; echo over >&2", input=data, encoding=None)
        assert done.stdout == data
        assert done.stderr == b"over\n"
        # The command's own end of output comes before its end.
        process = await connection.create_process("exec >&- 2>&-; read line; exit 3", encoding=None)
        assert await asyncio.wait_for(process.stdout.read(), 10) == b""
        process.stdin.write(b"go\n")
        assert (await process.wait()).exit_status == 3


async def test_a_reader_that_is_slow_holds_the_writer_back(embedded_lab: Lab) -> None:
    async with login(embedded_lab.hosts[0]) as connection:
        process = await connection.create_process("head -c 100000000 /dev/zero; echo done >&2", encoding=None)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.stderr.readline(), 0.3)
        total = 0
        while data := await process.stdout.read(1 << 20):
            total += len(data)
        assert total == 100_000_000
        assert await process.stderr.readline() == b"done\n"


async def test_input_that_nobody_wants_does_no_harm(embedded_lab: Lab) -> None:
    async with login(embedded_lab.hosts[0]) as connection:
        process = await connection.create_process("exec <&-; echo fine; sleep 0.3; echo still")
        process.stdin.write("x" * 3_000_000)
        assert await process.stdout.read() == "fine\nstill\n"
        assert (await process.wait(check=True)).exit_status == 0


async def test_a_command_killed_by_a_signal_says_which(embedded_lab: Lab) -> None:
    async with login(embedded_lab.hosts[0]) as connection:
        done = await connection.run("kill -9 $$")
        assert done.exit_signal[0] == "KILL"
        process = await connection.create_process("trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done")
        assert await process.stdout.readline() == "up\n"
        process.stdin.write_eof()
        process.terminate()
        assert (await asyncio.wait_for(process.wait(), 10)).exit_status == 9


async def test_the_channel_stays_open_while_someone_holds_the_output(embedded_lab: Lab) -> None:
    async with login(embedded_lab.hosts[0]) as connection:
        done = await connection.run("(sleep 0.3; echo late) & echo early")
        assert done.stdout == "early\nlate\n"
        # Who has let go of the outputs keeps nobody waiting.
        done = await asyncio.wait_for(connection.run("sleep 60 >/dev/null 2>&1 & echo $!"), 10)
        pid = int(done.stdout)
        assert processes.is_alive(pid)
        os.kill(pid, signal.SIGKILL)


async def test_a_lost_client_means_end_of_input_and_a_hangup_but_daemons_live(embedded_lab: Lab) -> None:
    host = embedded_lab.hosts[0]
    assert host.folder is not None
    said = host.folder / "said"
    program = textwrap.dedent(
        f"""
        import os, signal, sys, time
        said = os.open({str(said)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        tell = lambda text: os.write(said, text.encode() + b"\\n")
        signal.signal(signal.SIGHUP, lambda *_: (tell("hangup"), sys.exit(0)))
        if os.fork() == 0:
            os.setsid()
            tell(f"daemon {{os.getpid()}}")
            time.sleep(60)
        print("up", flush=True)
        sys.stdin.read()
        tell("end of input")
        while True:  # a signal that comes just before a sleep is seen only after it: sleep briefly
            time.sleep(0.05)
        """
    )
    (host.folder / "program.py").write_text(program)
    async with login(host) as connection:
        process = await connection.create_process(f"exec {sys.executable} program.py", encoding=None)
        assert await process.stdout.readline() == b"up\n"
        await wait_until(lambda: "daemon" in said.read_text())
        connection.abort()
    await wait_until(lambda: "hangup" in said.read_text())
    daemon = int(said.read_text().split()[1])
    assert processes.is_alive(daemon)
    os.kill(daemon, signal.SIGKILL)


async def test_closing_a_channel_hangs_up_on_its_command_alone(embedded_lab: Lab) -> None:
    async with login(embedded_lab.hosts[0]) as connection:
        first = await connection.create_process("echo $$; exec sleep 60")
        second = await connection.create_process("echo $$; read line; echo still here")
        pid = int(await first.stdout.readline())
        await second.stdout.readline()
        first.close()
        await wait_until(lambda: not processes.is_alive(pid))
        second.stdin.write("go\n")
        assert await second.stdout.readline() == "still here\n"


async def test_a_terminal_is_one(embedded_lab: Lab) -> None:
    async with login(embedded_lab.hosts[0]) as connection:
        process = await connection.create_process(
            "tty; stty size; echo $TERM; read line; stty size", term_type="xterm", term_size=(90, 30)
        )
        assert (await process.stdout.readline()).startswith("/dev/")
        assert (await process.stdout.readline()).strip() == "30 90"
        assert (await process.stdout.readline()).strip() == "xterm"
        process.change_terminal_size(100, 40)
        process.stdin.write("x\n")
        assert "40 100" in await process.stdout.read()
        assert (await process.wait()).exit_status == 0


async def test_a_shell_without_a_command_reads_its_input(embedded_lab: Lab) -> None:
    async with login(embedded_lab.hosts[1]) as connection:
        done = await connection.run(input="echo $((6 * 7))\nexit 4\n")
        assert (done.stdout, done.exit_status) == ("42\n", 4)


async def test_sftp_starts_in_the_host_s_folder_on_the_real_file_system(embedded_lab: Lab, tmp_path: Path) -> None:
    host = embedded_lab.hosts[1]
    assert host.folder is not None
    async with login(host) as connection, connection.start_sftp_client() as sftp:
        assert await sftp.realpath(".") == str(host.folder)
        async with sftp.open("note", "wb") as stream:
            await stream.write(b"\x00\xff")
        assert (host.folder / "note").read_bytes() == b"\x00\xff"
        await sftp.symlink("note", "link")
        assert await sftp.readlink("link") == "note"
        await sftp.get(str(host.folder / "note"), str(tmp_path / "got"))
    assert (tmp_path / "got").read_bytes() == b"\x00\xff"


async def test_only_the_lab_s_key_and_user_get_in(embedded_lab: Lab, tmp_path: Path) -> None:
    host = embedded_lab.hosts[0]
    ensure_key(tmp_path / "stranger")

    async def attempt(user: str, key: Path) -> None:
        options = {"known_hosts": str(host.known_hosts), "config": None, "agent_path": None}
        async with asyncssh.connect(
            host.address, host.port, username=user, client_keys=[str(key)], password="x", **options
        ) as connection:
            await connection.run("true", check=True)

    with pytest.raises(asyncssh.PermissionDenied):
        await attempt(host.user, tmp_path / "stranger")
    with pytest.raises((asyncssh.PermissionDenied, asyncssh.ChannelOpenError)):
        await attempt("somebody", host.key_file)
    await attempt(host.user, host.key_file)


async def test_each_host_has_a_key_of_its_own_and_it_is_verified(embedded_lab: Lab) -> None:
    assert len({host.public_key for host in embedded_lab.hosts}) == 3
    one, other = embedded_lab.hosts[:2]
    known = asyncssh.import_known_hosts(f"[{one.address}]:{one.port} {other.public_key}\n")
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        await asyncssh.connect(one.address, one.port, known_hosts=known, client_keys=[str(one.key_file)])


@pytest.mark.skipif(shutil.which("ssh") is None, reason="left out: there is no ssh on this machine")
def test_openssh_s_client_is_content_and_can_jump(embedded_lab: Lab) -> None:
    config = str(embedded_lab.folder / "ssh_config")
    command = ["ssh", "-F", config, "-o", "BatchMode=yes"]
    done = subprocess.run([*command, "lab3", "cat; pwd"], input=b"hi\n", capture_output=True, check=True)
    assert done.stdout.decode() == f"hi\n{embedded_lab.host('lab3').folder}\n"
    # By SIGHUP the client ends its helper, which is ignored below nohup: then only a channel that is closed in
    # time, whichever side ends first, lets the helper go, and with it what reads its output.
    for _ in range(20):
        done = subprocess.run(
            [*command, "-J", "lab1", "lab2", "pwd"],
            capture_output=True,
            timeout=30,
            check=False,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        )
        assert done.stdout.decode() == f"{embedded_lab.host('lab2').folder}\n", done.stderr


async def test_forwarding_passes_ends_each_way_and_refuses_what_is_not_there(embedded_lab: Lab) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d bytes" % len(await reader.read(-1)))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with login(embedded_lab.hosts[0]) as connection, server:
        reader, writer = await connection.open_connection("127.0.0.1", port)
        writer.write(b"x" * 1_000_000)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 10) == b"1000000 bytes"
        await asyncio.wait_for(writer.channel.wait_closed(), 10)
        server.close()
        with pytest.raises(asyncssh.ChannelOpenError, match=r"refused|Connect"):
            await connection.open_connection("127.0.0.1", port)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("192.0.2.1", 80)


def test_up_again_changes_nothing_and_hosts_come_back_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    try:
        first = embedded.up(folder, count=2)
        pid = processes.read_pid(folder / "server.pid")
        assert embedded.up(folder, count=2) == first
        assert embedded.up(folder, count=1) == first
        assert processes.read_pid(folder / "server.pid") == pid
        assert embedded.status(folder) == {"lab1": True, "lab2": True}

        assert embedded.down(folder) == ["stopped the SSH servers"]
        assert embedded.status(folder) == {"lab1": False, "lab2": False}
        assert embedded.down(folder) == []
        assert embedded.up(folder, count=2) == first

        more = embedded.up(folder, names=["web"])
        assert [host.name for host in more.hosts] == ["lab1", "lab2", "web"]
        assert more.hosts[:2] == first.hosts
    finally:
        embedded.down(folder, purge=True)
    assert not folder.exists()
    assert embedded.status(folder) == {}


def test_a_killed_server_is_noticed_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    try:
        first = embedded.up(folder, count=1)
        pid = processes.read_pid(folder / "server.pid")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert processes.wait_gone(pid, 10)
        assert embedded.status(folder) == {"lab1": False}
        assert embedded.up(folder, count=1) == first
        assert processes.read_pid(folder / "server.pid") != pid
    finally:
        embedded.down(folder, purge=True)


async def test_a_lab_started_below_nohup_hangs_up_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    code = (
        "import pathlib, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "from stella_ops.lab import embedded; embedded.up(pathlib.Path(sys.argv[1]), count=1)"
    )
    try:
        subprocess.run([sys.executable, "-c", code, folder], check=True, timeout=60)
        async with login(embedded.up(folder, count=1).hosts[0]) as connection:
            process = await connection.create_process("echo $$; exec sleep 60")
            pid = int(await process.stdout.readline())
            process.close()
            await wait_until(lambda: not processes.is_alive(pid))
    finally:
        embedded.down(folder, purge=True)


async def test_a_port_that_was_taken_meanwhile_is_replaced_everywhere(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    try:
        first = embedded.up(folder, count=1)
        embedded.down(folder)
        taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", first.hosts[0].port)
        async with taken:
            second = embedded.up(folder, count=1)
            assert second.hosts[0].port != first.hosts[0].port
            assert str(second.hosts[0].port) in second.inventory.read_text()
            async with login(second.hosts[0]) as connection:
                assert (await connection.run("echo in")).stdout == "in\n"
    finally:
        embedded.down(folder, purge=True)


async def test_down_hangs_up_on_commands_and_stops_agents(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    try:
        host = embedded.up(folder, count=1).hosts[0]
        assert host.folder is not None
        async with login(host) as connection:
            process = await connection.create_process("echo $$; exec sleep 60")
            command = int(await process.stdout.readline())
            # A stand-in for an agent's supervisor: a daemon in the host's folder with a pid file.
            supervisor = (
                "mkdir -p agent/run; cd agent; "
                "setsid sh -c 'echo $$ >run/supervisor.pid; exec sleep 60' </dev/null >/dev/null 2>&1 &"
            )
            await connection.run(supervisor, check=True)
            pid_file = host.folder / "agent" / "run" / "supervisor.pid"
            await wait_until(lambda: processes.read_pid(pid_file))
            agent = processes.read_pid(pid_file)
            assert agent is not None
            said = await asyncio.to_thread(embedded.down, folder)
        assert said == ["stopped the SSH servers", f"lab1: stopped the agent in {host.folder}/agent"]
        await wait_until(lambda: not processes.is_alive(command))
        assert not processes.is_alive(agent)
    finally:
        embedded.down(folder, purge=True)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    embedded.up(folder, count=1)
    embedded.down(folder)
    (folder / "keys" / "authorized_keys").unlink()
    (folder / "keys" / "authorized_keys").mkdir()
    with pytest.raises(LabError) as caught:
        embedded.up(folder, count=1)
    assert "authorized_keys" in str(caught.value) or "cannot be used" in str(caught.value)
