"""Broken files, each with what must be said about it: a case is a file in a folder here.

    #! about: why, where it is not plain
    #! args: play playbook.yml            the command line; this one by default
    #! exit: 4                            its exit status
    #! peer: 1                            ansible-core's, where it is another
    #! says: playbook.yml:5:7             what must be told: where, what, and what to do
    #! says: unknown module 'debgu'
    === playbook.yml                      the files
    - hosts: localhost

No case ends in a traceback, and none is called a defect of the program.
"""

from __future__ import annotations

import io
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KINDS = ("inventories", "playbooks", "roles", "settings", "templates", "vault")
CASES = sorted(path for kind in KINDS for path in (HERE / kind).glob("*.txt"))


@dataclass
class Broken:
    """A case; see above."""

    args: str = "play playbook.yml"
    exit: int | None = None
    peer: int | None = None
    says: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> Broken:
    """A case of a file."""
    found, name = Broken(), None
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.startswith("=== "):
            name = line[4:].strip()
            found.files[name] = ""
        elif name is not None:
            found.files[name] += line
        else:
            key, _, value = line.removeprefix("#! ").strip().partition(": ")
            match key:
                case "args":
                    found.args = value
                case "exit":
                    found.exit = int(value)
                case "peer":
                    found.peer = int(value)
                case "says":
                    found.says.append(value)
                case _:
                    assert key == "about", f"{path.name}: {key}"
    return found


def unpack(case: Broken, folder: Path) -> None:
    """Write the files of a case."""
    for name, text in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if text.startswith("#!"):
            path.chmod(0o755)


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and a home that has no settings."""
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    for name, value in {"HOME": home, "STELLA_HOME": tmp_path / "state", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("STELLA_INVENTORY", "ANSIBLE_INVENTORY", "ANSIBLE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(work)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return work


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_is_told(path: Path, surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stella_ops.cli.entry import run_cli

    case = read(path)
    unpack(case, surroundings)
    args = shlex.split(case.args)
    monkeypatch.setattr(sys, "argv", ["stella-ops", *args])
    stdout, stderr = io.StringIO(), io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        status = run_cli(args)
    said = (stdout.getvalue() + stderr.getvalue()).replace(f"{surroundings}/", "").replace(str(surroundings), "WORK")
    assert status == case.exit, said
    for text in case.says:
        assert text in said
    assert "Traceback" not in said
    assert "defect" not in said


def test_every_case_says_what_is_expected() -> None:
    for path in CASES:
        case = read(path)
        assert case.exit is not None, path
        assert case.says, path
        assert case.exit != 0, path
