"""Other people's tools, from PyPI, in virtual environments of their own below the cache folder."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import platformdirs

from benchmarks.tools.base import ToolMissing

_VERSION = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"


def folder(name: str) -> Path:
    """The virtual environment of that name; it may not be made yet."""
    return platformdirs.user_cache_path("stella-ops") / "bench" / name


def install(environment: str, package: str) -> str:
    """Make sure a package is in an environment, installing it the first time only; its version.

    Raises:
        ToolMissing: it cannot be installed; the last line that pip said is in the text.
    """
    home = folder(environment)
    python = home / "bin" / "python"
    if not python.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        venv.EnvBuilder(with_pip=True, symlinks=True, clear=True).create(home)
    version = _version(python, package)
    if version is None:
        print(f"installing {package} from PyPI", file=sys.stderr)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        version = _version(python, package)
        if done.returncode != 0 or version is None:
            said = done.stderr.strip().splitlines() or ["pip said nothing"]
            raise ToolMissing(f"{package} could not be installed: {said[-1]}")
    return version


def _version(python: Path, package: str) -> str | None:
    asked = subprocess.run([str(python), "-c", _VERSION, package], capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else None
