"""Commands run in this process, in a project folder of their own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stella_ops.templating.plugins import folders


@dataclass
class Said:
    """What a command ended with and printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def stella(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Said]]:
    """Runs ``stella-ops ARGS`` in ``tmp_path``, through the program's own entry point."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STELLA_HOME", str(tmp_path / ".stella"))
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("STELLA_INVENTORY", "ANSIBLE_INVENTORY"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: object) -> Said:
        from stella_ops.cli.entry import run_cli

        words = [str(arg) for arg in args]
        monkeypatch.setattr(sys, "argv", ["stella-ops", *words])
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = run_cli(words)
        return Said(status, out.getvalue(), err.getvalue())

    yield run
    folders.forget()  # plug-ins of the project, which other tests are not to see


@pytest.fixture
def program(stella: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a program of ansible-core's name where ``stella`` runs its own; status, stdout and stderr."""
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)

    def run(name: str, *args: object) -> tuple[int, str, str]:
        from stella_ops.cli.entry import run_cli

        words = [str(arg) for arg in args]
        monkeypatch.setattr(sys, "argv", [f"/somewhere/{name}", *words])
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = run_cli(None)
        return status, out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """An inventory of two hosts that are this machine."""
    path = tmp_path / "hosts.ini"
    path.write_text("[web]\na\nb\n[all:vars]\nansible_connection=local\n")
    return path
