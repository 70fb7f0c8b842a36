"""Files about hosts: each one's result (``run --tree``), and those that failed (retry files)."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from stella_ops import atomic_files
from stella_ops.console.results import clean, to_text
from stella_ops.engine.events import Event, HostFinished, RunFinished


class TreeFiles:
    """Writes each host's last result as JSON to a file of its name.

    Args:
        folder: is made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def handle(self, event: Event) -> None:
        """Write a result; a host that skipped its task has none."""
        if isinstance(event, HostFinished) and event.status != "skipped":
            self._folder.mkdir(parents=True, exist_ok=True)
            name = event.host.replace("/", "_")
            atomic_files.deliver(self._folder / name, to_text(clean(event.result, "", 0)))

    def close(self) -> None:
        """Nothing is held back."""


class RetryFile:
    """Writes the hosts that failed or could not be reached to a file for ``--limit @FILE``."""

    def __init__(self, path: Path, stream: TextIO) -> None:
        self._path = path
        self._stream = stream

    def handle(self, event: Event) -> None:
        """Write the file when the run ends badly."""
        if not isinstance(event, RunFinished):
            return
        hosts = sorted(name for name, tally in event.hosts.items() if tally.failed or tally.unreachable)
        if hosts:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_files.deliver(self._path, "".join(f"{host}\n" for host in hosts))
            self._stream.write(f"\tto retry, use: --limit @{self._path}\n")

    def close(self) -> None:
        """Nothing is held back."""
