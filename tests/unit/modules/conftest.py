"""Every module under every Python that this machine has."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def _candidates() -> list[str]:
    named = os.environ.get("STELLA_TEST_PYTHONS")
    if named:
        return named.split(os.pathsep)
    return sorted(str(path) for path in Path("~/.pyenv/versions").expanduser().glob("*/bin/python"))


@cache
def _pythons() -> dict[str, str]:
    """Interpreters of Python 3.6 or newer by version; the one that runs the tests is always among them."""
    found = {"{}.{}.{}".format(*sys.version_info[:3]): sys.executable}
    for path in _candidates():
        try:
            told = subprocess.run(
                [path, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
                capture_output=True,
                text=True,
                timeout=20,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        version = told.stdout.strip()
        if told.returncode == 0 and tuple(int(part) for part in version.split(".")) >= (3, 6):
            found.setdefault(version, path)
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "python" in metafunc.fixturenames:
        versions = _pythons()
        metafunc.parametrize("python", list(versions.values()), ids=list(versions), scope="session")


@pytest.fixture(scope="session")
def other_pythons() -> list[str]:
    """Versions of the interpreters found beside the one that runs the tests."""
    return list(_pythons())[1:]


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
        **args: Any,
    ) -> dict[str, Any]:
        request = {
            "module": str(ROOT / "modules" / f"{module}.py"),
            "args": args,
            "check": check,
            "diff": diff,
            "content": None if content is None else base64.b64encode(content).decode(),
            "environment": environment,
            "uid": uid,
            "umask": umask,
            "cwd": str(self.folder),
        }
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        self._worker.stdin.write(json.dumps(request) + "\n")
        self._worker.stdin.flush()
        result = json.loads(self._worker.stdout.readline())
        assert isinstance(result, dict)
        assert "crashed" not in result
        return result


@pytest.fixture(scope="session")
def worker(python: str) -> Iterator[subprocess.Popen[str]]:
    environment = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
    script = Path(__file__).with_name("worker.py")
    with subprocess.Popen(
        [python, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def host(worker: subprocess.Popen[str], tmp_path: Path) -> Host:
    return Host(worker, tmp_path)
