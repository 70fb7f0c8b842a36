"""The command that starts the runner: under many shells, and past many broken Pythons."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stella_ops.errors import InterpreterError
from stella_ops.transport import frames, launch
from stella_ops.transport.base import Become
from stella_ops.transport.become import METHODS

SHIMS = {
    "exits 127": "exit 127",
    "exits 1": "echo no python here >&2; exit 1",
    "exits 0 without running": "exit 0",
    "prints junk": "echo junk; echo more junk >&2; exit 3",
    "reads its input": "cat >/dev/null; exit 1",
    "reads its input and is content": "read line; exit 0",
    "is an old Python": 'echo "Unknown option: -I" >&2; exit 2',
    "crashes": "kill -SEGV $$",
    "is a wrapper that is content with everything": f'{sys.executable} "$@"; exit 0',
    "closes what it does not know": f'{sys.executable} "$@" 3>&-',
}


def start(command: str, env: dict[str, str] | None = None, shell: list[str] | None = None) -> tuple[bytes, bytes, int]:
    """Run the launch command as sshd would; what it says once the program has come, and its input has ended."""
    done = subprocess.run(
        [*(shell or ["/bin/sh"]), "-c", command],
        input=launch.runner_program().whole,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": "/", **(env or {})},
        timeout=60,
        check=False,
    )
    return done.stdout, done.stderr, done.returncode


def shim(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("text", SHIMS.values(), ids=SHIMS.keys())
def test_broken_shims_are_passed_over(tmp_path: Path, text: str) -> None:
    shim(tmp_path / "bin", "python3", text)
    command = launch.launch(None, None, name="web").command
    out, err, status = start(command, {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"})
    assert frames.MAGIC in out, err
    assert b'"protocol":1' in out
    assert status == 0
    assert frames.NO_PYTHON not in out


def test_dangling_links_and_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(tmp_path / "gone")
    (tmp_path / "python3.13").mkdir()
    out, _, _ = start(launch.launch(None, None, name="web").command, {"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert frames.MAGIC in out


def test_only_the_first_that_runs_is_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for name in ("python3", "python3.13"):
        shim(tmp_path / "bin", name, f'echo {name} >> {log}; exec {sys.executable} "$@"')
    out, _, _ = start(
        launch.launch(None, None, name="web").command, {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    )
    assert out.count(frames.MAGIC) == 1
    assert log.read_text() == "python3\n"


@pytest.mark.parametrize("number", ["KILL", "TERM", "HUP"])
def test_a_killed_runner_has_no_successor(tmp_path: Path, number: str) -> None:
    """It would take what the controller sends next for its program."""
    log = tmp_path / "log"
    shim(tmp_path / "bin", "python3", f"echo once >> {log}; kill -{number} $$")
    shim(tmp_path / "bin", "python3.13", f"echo twice >> {log}; exit 1")
    out, _, status = start(
        launch.launch(None, None, name="web").command, {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    )
    assert (out, status, log.read_text()) == (b"", 0, "once\n")


def test_no_python_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim(tmp_path / "bin", "python3", "echo broken >&2; exit 1")
    monkeypatch.setattr(launch, "INTERPRETERS", ("python3", "/no/such/python"))
    out, err, status = start(launch.launch(None, None, name="web").command, {"PATH": f"{tmp_path / 'bin'}:/bin"})
    assert (out, err, status) == (frames.NO_PYTHON, b"broken\n", 127)


def test_every_real_python_starts(interpreter: Path) -> None:
    out, err, _ = start(launch.launch(str(interpreter), None, name="web").command)
    assert frames.MAGIC in out, err


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="left out: this machine has no /usr/bin/python3")
def test_the_systems_own_python_starts() -> None:
    out, err, _ = start(launch.launch("/usr/bin/python3", None, name="web").command)
    assert frames.MAGIC in out, err


def test_python_2_is_refused(tmp_path: Path) -> None:
    old = sorted(Path("~/.pyenv/versions").expanduser().glob("2.7.*/bin/python2.7"))
    if not old:
        pytest.skip("left out: this machine has no Python 2")
    out, err, _ = start(launch.launch(str(old[0]), None, name="web").command)
    assert out == frames.NO_PYTHON
    assert b"-I" in err


@pytest.mark.parametrize("script", ["python3", "my python3", "it's python3", 'py"thon$HOME `3'])
def test_an_interpreter_with_blanks_and_quotes_in_its_path(tmp_path: Path, script: str) -> None:
    path = shim(tmp_path / "a folder", script, f'exec {sys.executable} "$@"')
    import shlex

    for written in {shlex.quote(str(path))} | ({str(path)} if script in ("python3", "my python3") else set()):
        out, err, _ = start(launch.launch(written, None, name="web").command)
        assert frames.MAGIC in out, (written, err)


def test_an_interpreter_with_arguments() -> None:
    for written in (f"/usr/bin/env X=1 {sys.executable}", f"{sys.executable} -X utf8", f"env {sys.executable}"):
        out, err, _ = start(launch.launch(written, None, name="web").command)
        assert frames.MAGIC in out, err


def test_an_interpreter_at_home(tmp_path: Path) -> None:
    shim(tmp_path / "venv", "python", f'exec {sys.executable} "$@"')
    out, err, _ = start(launch.launch("~/venv/python", None, name="web").command, {"HOME": str(tmp_path)})
    assert frames.MAGIC in out, err


@pytest.mark.parametrize("written", ["/no/such/python3", "false", "/bin/cat", "/etc/passwd", "/bin/sh"])
def test_a_wrong_interpreter_is_said(written: str) -> None:
    out, _, status = start(launch.launch(written, None, name="web").command)
    assert out.endswith(frames.NO_PYTHON)
    assert status == 127


@pytest.mark.parametrize("written", ["'unclosed", " "])
def test_an_impossible_interpreter_is_an_error(written: str) -> None:
    with pytest.raises(InterpreterError, match="cannot be"):
        launch.launch(written, None, name="web")


SHELLS = {
    "sh": [],
    "dash": [],
    "bash": ["--norc"],
    "bash -e": [],
    "bash --posix": [],
    "zsh": ["-f"],
    "tcsh": ["-f"],
    "fish": ["--no-config"],
}


@pytest.mark.parametrize("name", list(SHELLS))
@pytest.mark.parametrize("given", [None, "'/opt/no such/it'\"'\"'s'", "env " + sys.executable], ids=str)
def test_login_shells_hand_the_command_on_unharmed(name: str, given: str | None) -> None:
    words = name.split()
    found = shutil.which(words[0])
    if found is None:
        pytest.skip(f"left out: this machine has no {words[0]}")
    shell = [found, *words[1:], *SHELLS[name]]
    out, err, _ = start(launch.launch(given, None, name="web").command, shell=shell)
    assert (frames.NO_PYTHON if given and "such" in given else frames.MAGIC) in out, err


@pytest.mark.parametrize("options", ["errexit", "nounset", "errexit:nounset"])
def test_exported_shell_options_do_no_harm(tmp_path: Path, options: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("left out: this machine has no bash")
    # As where /bin/sh is bash: it takes SHELLOPTS from the environment.
    command = launch.launch(None, None, name="web").command.replace("/bin/sh", bash, 1)
    shim(tmp_path, "python3", "exit 1")
    out, err, _ = start(command, {"SHELLOPTS": options, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, shell=[bash])
    assert frames.MAGIC in out, err


def test_the_command_is_one_line_without_an_exclamation_mark() -> None:
    for become in (None, *(Become(method=method, password="x") for method in METHODS)):
        command = launch.launch(None, become, name="web").command
        assert "\n" not in command
        assert "!" not in command
        assert len(command) < 4096


def test_the_password_is_not_in_the_command() -> None:
    started = launch.launch(None, Become(user="root", password="s3cret-canary"), name="web")
    assert "s3cret-canary" not in started.command
    assert started.prompt is not None
    asked = re.search(r"\[stella-ops become [0-9a-f]+\] ", started.command)
    assert asked and started.prompt.search(asked.group().encode())
    assert launch.launch(None, Become(password="x"), name="web").prompt != started.prompt


def test_without_a_password_sudo_must_not_ask() -> None:
    started = launch.launch(None, Become(user="ops"), name="web")
    assert started.command.startswith("exec sudo -H -n -u ops -- /bin/sh -c ")
    assert started.prompt is None


def test_with_a_password_the_program_is_waited_for_after_a_word() -> None:
    """The runner says it is ready before it reads, so that password and program are never mixed up."""
    command = launch.launch(sys.executable, Become(password="x"), name="web").command
    import shlex

    inner = shlex.split(command)[-1]
    done = subprocess.run(["/bin/sh", "-c", inner], input=b"", capture_output=True, timeout=30, check=False)
    assert done.stdout == frames.READY


def test_becoming_by_another_program_and_other_flags() -> None:
    become = Become(user="web", program="/opt/sudo", flags=("-E",))
    assert launch.wrap_become(["true"], become, name="a") == (
        ["/opt/sudo", "-E", "-n", "-u", "web", "--", "true"],
        None,
        False,
    )
    asked, prompt, _ = launch.wrap_become(["true"], Become(password="secret", flags=()), name="a")
    assert asked[:2] == ["sudo", "-S"] and "secret" not in asked and prompt is not None
