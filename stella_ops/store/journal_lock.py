"""Tells a run that still goes on from one that was killed: while it goes on, its process holds a lock on a file."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

_FOLDER = "running"
_STALE = 86_400.0  # seconds after which a file that nobody holds is litter of a run that was killed


class RunLock:
    """Held from its making to ``release``, or to the end of the process, however it ends.

    Args:
        state: the project's state folder.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, state: Path, run_id: str) -> None:
        folder = state / _FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        _sweep(folder)
        self._path = folder / run_id
        self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def release(self) -> None:
        """The run is over."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def is_running(state: Path, run_id: str) -> bool:
    """Whether a process of this machine still works on a run."""
    try:
        return _is_held(state / _FOLDER / run_id)
    except FileNotFoundError:
        return False


def _is_held(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - _STALE and not _is_held(path):
                path.unlink()
