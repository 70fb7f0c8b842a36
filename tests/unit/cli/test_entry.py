"""Exit codes, and that no traceback reaches an operator unasked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.cli import entry


def test_unknown_command(stella: Callable[..., Any]) -> None:
    said = stella("plya")
    assert said.status == 2
    assert "did you mean 'play'?" in said.err


@pytest.mark.parametrize("name", sorted(entry.COMMANDS))
def test_every_command_has_help(stella: Callable[..., Any], name: str) -> None:
    said = stella(name, "--help")
    assert said.status == 0 and "Usage: stella-ops" in said.out


def test_version(stella: Callable[..., Any]) -> None:
    from stella_ops import __version__

    assert __version__ in stella("--version").out


def _breaking(problem: BaseException) -> Callable[..., Any]:
    def raises(*args: Any, **more: Any) -> Any:
        raise problem

    return raises


@pytest.mark.parametrize(("flags", "shown"), [((), False), (("-v",), False), (("-vvv",), True)])
def test_a_defect_of_ours(
    stella: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, hosts: Any, flags: tuple[str, ...], shown: bool
) -> None:
    from stella_ops.cli import workplace

    monkeypatch.setattr(workplace, "load_inventory", _breaking(RuntimeError("inside")))
    said = stella("run", "all", "-m", "ping", "-i", hosts, *flags)
    assert said.status == 250
    assert "defect in stella-ops" in said.err and ("Traceback" in said.err) is shown


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), __import__("click").Abort()])
def test_an_interrupt(
    stella: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, hosts: Any, problem: BaseException
) -> None:
    from stella_ops.cli import workplace

    monkeypatch.setattr(workplace, "load_inventory", _breaking(problem))
    assert stella("run", "all", "-m", "ping", "-i", hosts).status == 99


def test_secrets_are_masked_in_what_is_said_of_an_error(
    stella: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, hosts: Any, tmp_path: Any
) -> None:
    from stella_ops.cli import execution

    (tmp_path / "pw").write_text("CANARY-word\n")
    monkeypatch.setattr(execution, "_execute", _breaking(RuntimeError("it was CANARY-word")))
    said = stella("run", "all", "-m", "ping", "-i", hosts, "--become-password-file", tmp_path / "pw", "-vvv")
    assert said.status == 250
    assert "CANARY" not in said.err and "********" in said.err


def test_slow_imports_wait_for_the_command_that_needs_them() -> None:
    script = (
        "import sys; from stella_ops.cli import entry; entry.run_cli(['--help'])\n"
        "print(sorted({'asyncssh', 'sqlalchemy', 'pydantic', 'rich', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


ENDS = """
import atexit, sys, threading
from stella_ops.cli import entry

def late():
    threading.main_thread().join()
    print("from a thread")

def command(args=None):
    atexit.register(print, "at exit")
    {}
    print("said", end="")
    return 7

entry.run_cli = command
entry.main()
"""


@pytest.mark.parametrize(
    "while_it_runs",
    ["pass", "sys.setprofile(lambda *_: None)", "threading.Thread(target=late).start()"],
    ids=["alone", "profiled", "with a thread"],
)
def test_the_end_loses_nothing(while_it_runs: str) -> None:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    script = ENDS.format(while_it_runs)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=buffered)
    assert done.returncode == 7
    assert done.stderr == ""
    wanted = "saidfrom a thread\nat exit\n" if "Thread" in while_it_runs else "saidat exit\n"
    assert done.stdout == wanted


def test_output_that_cannot_be_written_is_no_success() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "stella_ops", "--version"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode != 0
    assert "No space left" in done.stderr
