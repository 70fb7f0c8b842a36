"""Modules under every Python that this machine has: one long-lived worker process for each of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@contextlib.contextmanager
def in_memory(content: bytes) -> Iterator[str]:
    """The path of a file that is nowhere on a disk."""
    with open(os.memfd_create("content"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/{os.getpid()}/fd/{file.fileno()}"


class Host:
    """Runs modules in a folder of its own, under one interpreter."""

    def __init__(self, worker: subprocess.Popen[str], folder: Path) -> None:
        self._worker = worker
        self.folder = folder

    def __call__(
        self,
        module: str,
        *,
        check: bool = False,
        diff: bool = False,
        content: bytes | None = None,
        environment: dict[str, str] | None = None,
        uid: int = 0,
        umask: int = 0o022,
        file_limit: int = 0,
        **args: Any,
    ) -> dict[str, Any]:
        """Run a module and return its result; ``uid`` and ``file_limit`` (bytes) are left alone when 0."""
        request = {
            "module": str(ROOT / "modules" / f"{module}.py"),
            "args": args,
            "check": check,
            "diff": diff,
            "environment": environment,
            "uid": uid,
            "umask": umask,
            "file_limit": file_limit,
            "cwd": str(self.folder),
        }
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        with contextlib.nullcontext() if content is None else in_memory(content) as path:
            self._worker.stdin.write(json.dumps({**request, "content": path}) + "\n")
            self._worker.stdin.flush()
            result = json.loads(self._worker.stdout.readline())
        assert isinstance(result, dict)
        assert "crashed" not in result
        return result


@pytest.fixture(scope="session")
def workers() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """The worker of an interpreter, started when it is first needed."""
    running: dict[Path, subprocess.Popen[str]] = {}
    script = Path(__file__).with_name("worker.py")

    def worker(interpreter: Path) -> subprocess.Popen[str]:
        if interpreter not in running:
            running[interpreter] = subprocess.Popen(
                [str(interpreter), str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=dict(os.environ, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1"),
            )
        return running[interpreter]

    yield worker
    for process in running.values():
        with process:
            assert process.stdin is not None
            process.stdin.close()


@pytest.fixture
def host_under(workers: Callable[[Path], subprocess.Popen[str]], tmp_path: Path) -> Callable[[Path], Host]:
    """Makes a ``Host`` of an interpreter."""
    return lambda interpreter: Host(workers(interpreter), tmp_path)


@pytest.fixture
def host(interpreter: Path, host_under: Callable[[Path], Host]) -> Host:
    return host_under(interpreter)


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that other users can reach too."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path(folder.anchor):
            folder.chmod(folder.stat().st_mode | 0o055)
        if folder.name.startswith("pytest-of-"):
            break
    return tmp_path


@pytest.fixture
def as_root() -> None:
    """Named by tests that change owners or become another user."""
    if os.getuid() != 0:
        pytest.skip("only root can change owners")
