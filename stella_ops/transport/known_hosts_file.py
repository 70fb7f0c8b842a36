"""Reading and changing known_hosts files that others may change at the same moment."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from stella_ops import atomic_files


def read_lines(path: Path) -> str:
    """The text of a file; empty where there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def append_line(path: Path, line: str) -> None:
    """One write under a lock: two controllers that accept keys at once lose none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(path, os.O_RDWR | os.O_CREAT | os.O_APPEND) as fd:
        text = read_lines(path)
        if line not in text.split("\n"):
            # A hand-edited file may lack its last line's end.
            start = "\n" if text and not text.endswith("\n") else ""
            os.write(fd, f"{start}{line}\n".encode())


def drop_lines(path: Path, places: Mapping[str, Collection[str]]) -> int:
    """Take lines for some places out of a file of ours, but those with keys that are to stay; how many went.

    Args:
        places: a place as known_hosts writes it, to the public keys (``algorithm base64``) that stay.

    Raises:
        OSError: it cannot be written; it is as it was then.
    """
    if not path.exists():
        return 0
    with _locked(path, os.O_RDWR):
        lines = read_lines(path).splitlines(keepends=True)
        kept = [line for line in lines if not _goes(line.split(), places)]
        if len(kept) != len(lines):
            atomic_files.write(path, "".join(kept), sync=False)
        return len(lines) - len(kept)


@contextlib.contextmanager
def _locked(path: Path, flags: int) -> Iterator[int]:
    """The file, open and locked; not one that another has replaced while we waited."""
    while True:
        fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            try:
                current = path.stat()
            except FileNotFoundError:
                continue
            if os.path.samestat(current, os.fstat(fd)):
                yield fd
                return
        finally:
            os.close(fd)


def _goes(words: list[str], places: Mapping[str, Collection[str]]) -> bool:
    return len(words) >= 3 and words[0] in places and " ".join(words[1:3]) not in places[words[0]]
