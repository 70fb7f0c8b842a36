"""Login shells of many kinds, and what their start-up files do that they should not."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import InterpreterError, UnreachableError
from stella_ops.transport.base import Become

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]


def shim(folder: Path, text: str, name: str = "python3") -> Path:
    folder.mkdir(mode=0o755, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "tcsh", "fish"])
async def test_every_login_shell_will_do(sshd: Make, account: Make, pool: Make, helpers: Any, shell: str) -> None:
    found = shutil.which(shell, path="/usr/bin:/bin:/usr/local/bin")
    if found is None:
        pytest.skip(f"left out: this machine has no {shell}")
    login = account(shell=found, sudo="USER ALL=(ALL) NOPASSWD: ALL")
    server = sshd(user=login.name)
    session = pool().session(server.spec())
    assert (await session.call(helpers.call("echo", value="ä")))["value"] == "ä"
    assert (await session.call(helpers.call("whoami"), Become()))["user"] == "root"
    done = await session.raw("echo $HOME")
    assert done.stdout.decode().strip() == str(login.home)
    odd = shim(login.home / 'it\'s a "python" $folder', 'exec /usr/bin/python3 "$@"')
    import shlex

    quoted = pool().session(server.spec(interpreter=shlex.quote(str(odd))))
    assert (await quoted.call(helpers.call("echo", value=1)))["value"] == 1


START_UP = {
    "prints": "echo 'Welcome!'; printf '{\"failed\": false}\\n\\0\\0\\0\\1'; echo err >&2",
    "prints a lot": "head -c 300000 /dev/zero | tr '\\0' x",
    "sets -e": "set -e",
    "exports set -e and -u": "set -eu; export SHELLOPTS",
    "prints at its end as well": "trap 'echo Goodbye' EXIT; echo Welcome",
    "leaves something behind that holds the output": "sleep 3 &",
    "has another python3": "python3() { echo no; }; alias python3=false",
}


@pytest.mark.parametrize("text", START_UP.values(), ids=START_UP.keys())
async def test_what_start_up_files_do(sshd: Make, account: Make, pool: Make, helpers: Any, text: str) -> None:
    login = account(shell=shutil.which("bash") or "/bin/bash")
    # bash reads this one for commands of sshd.
    (login.home / ".bashrc").write_text(text + "\n")
    session = pool().session(sshd(user=login.name).spec())
    assert (await session.call(helpers.call("echo", value=1)))["value"] == 1
    assert (await session.call(helpers.call("echo", value="x" * 1000000)))["value"] == "x" * 1000000


async def test_a_banner_and_a_forced_command_that_talks(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    (tmp_path / "banner").write_text("KEEP OUT\n" * 50)
    command = 'echo "Last login: never"; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    server = sshd(f"Banner {tmp_path}/banner", f"ForceCommand {command}", "PrintMotd yes")
    session = pool().session(server.spec())
    assert (await session.call(helpers.call("echo", value=1)))["value"] == 1


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo This account is closed.; exit 1", "This account is closed."),
        ("internal-sftp", ""),
        ("exit 0", ""),
    ],
)
async def test_a_login_that_runs_no_commands_is_told(
    sshd: Make, pool: Make, helpers: Any, command: str, said: str
) -> None:
    server = sshd(f"ForceCommand {command}", "Subsystem sftp internal-sftp")
    with pytest.raises(UnreachableError, match="the remote runner did not start") as caught:
        await pool().session(server.spec()).call(helpers.call("echo"))
    assert said in caught.value.message
    assert caught.value.hint


SHIMS = ["exit 127", "echo pyenv: no version; exit 1", "exit 0", "cat; exit 0", "read a; read b; exit 3"]


@pytest.mark.parametrize("text", SHIMS)
async def test_broken_shims_are_passed_over(sshd: Make, account: Make, pool: Make, helpers: Any, text: str) -> None:
    login = account()
    shim(login.home / "shims", text)
    session = pool().session(sshd(f"SetEnv PATH={login.home}/shims:/usr/bin:/bin", user=login.name).spec())
    assert (await session.call(helpers.call("echo", value=1)))["value"] == 1


async def test_a_shim_that_hangs_is_told_in_time_and_does_not_stay(
    sshd: Make, account: Make, pool: Make, helpers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stella_ops.transport.session.START_SECONDS", 1.0)
    login = account()
    shim(login.home / "shims", f"exec sleep 98{os.getpid()}")
    server = sshd(f"SetEnv PATH={login.home}/shims:/usr/bin:/bin", user=login.name)
    made = pool()
    with pytest.raises(UnreachableError, match="did not answer in time") as caught:
        await made.session(server.spec(connect_timeout=1.0)).call(helpers.call("echo"))
    assert "ansible_python_interpreter" in str(caught.value.hint)
    await helpers.eventually(lambda: not helpers.living(f"sleep 98{os.getpid()}"))
    good = server.spec(interpreter="/usr/bin/python3")
    assert (await made.session(good).call(helpers.call("echo", value=1)))["value"] == 1


async def test_no_python(sshd: Make, pool: Make, helpers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stella_ops.transport.launch.INTERPRETERS", ("python9", "/no/python", "/usr/libexec/x"))
    session = pool().session(sshd().spec())
    with pytest.raises(InterpreterError, match=r"no Python 3\.6 or newer runs on the host") as caught:
        await session.call(helpers.call("echo"))
    assert "raw" in str(caught.value.hint)
    assert (await session.raw("echo works")).stdout == b"works\n"


async def test_every_real_interpreter(sshd: Make, pool: Make, helpers: Any, interpreter: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0 and str(interpreter).startswith("/root"):
        # The login user cannot look into root's home: it comes to the interpreter as root.
        server = sshd("PermitRootLogin yes", user="root")
    else:
        server = sshd()
    session = pool().session(server.spec(interpreter=str(interpreter)))
    assert (await session.call(helpers.call("echo", value=1)))["value"] == 1
    assert (await session.hello())["python"] in str(interpreter.resolve()) or "venv" in str(interpreter)


async def test_the_systems_python(sshd: Make, pool: Make, helpers: Any) -> None:
    if not Path("/usr/bin/python3").exists():
        helpers.leave_out("this machine has no /usr/bin/python3")
    session = pool().session(sshd().spec(interpreter="/usr/bin/python3"))
    assert (await session.hello())["executable"] == "/usr/bin/python3"
