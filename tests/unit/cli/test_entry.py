"""Exit codes, and that no traceback reaches an operator unasked."""

from __future__ import annotations

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
    from stella_ops.cli import execution

    monkeypatch.setattr(execution, "load_inventory", _breaking(RuntimeError("inside")))
    said = stella("run", "all", "-m", "ping", "-i", hosts, *flags)
    assert said.status == 250
    assert "defect in stella-ops" in said.err and ("Traceback" in said.err) is shown


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), __import__("click").Abort()])
def test_an_interrupt(
    stella: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, hosts: Any, problem: BaseException
) -> None:
    from stella_ops.cli import execution

    monkeypatch.setattr(execution, "load_inventory", _breaking(problem))
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
