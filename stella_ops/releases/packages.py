"""The folder of built agent packages: ``<folder>/<version>/stella-agent.pyz``."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from stella_ops.errors import ReleaseError
from stella_ops.releases.build import PACKAGE_NAME, AgentPackage, build_agent, describe, package_bytes


def ensure_package(folder: Path, version: str) -> AgentPackage:
    """The package of this version, built when it is missing or the source has changed since.

    The bytes follow from the source alone, so "changed" is decided by them and not by file times. Of two controllers
    that find it missing at once one builds it: the other would replace what the first is about to send.

    Raises:
        ReleaseError: it cannot be built, read or written.
    """
    wanted = package_bytes(version)
    path = folder / version / PACKAGE_NAME
    try:
        if _present(path) == wanted:
            return describe(path, version, wanted)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            return describe(path, version, wanted) if _present(path) == wanted else build_agent(path, version)
    except OSError as problem:
        raise ReleaseError(
            f"the agent package cannot be read or written: {problem.strerror or problem}", where=path
        ) from problem


def _present(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes out; the lock is on the folder and leaves no file."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
