"""Files of the controller are written whole or not at all: beside their place first, then moved there."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

PRIVATE = 0o600


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = PRIVATE, sync: bool = True) -> Iterator[IO[bytes]]:
    """A new file that takes the place of ``path`` when the block ends, and is gone when it ends by an exception.

    Until then it has a name of its own beside ``path`` and mode 0600. A symbolic link at ``path`` is replaced, not
    followed.

    Args:
        mode: its permission bits at the end.
        sync: have what it holds on the disk before it gets its name; for what can be made again that costs too much.

    Raises:
        OSError: it cannot be written, or not there; ``path`` is as it was.
    """
    with beside(path) as (part, file):
        yield file
        os.fchmod(file.fileno(), mode)
        file.flush()
        if sync:
            os.fsync(file.fileno())
        part.replace(path)


def write(path: Path, content: bytes | str, *, mode: int = PRIVATE, sync: bool = True) -> None:
    """Put a file in its place, text as UTF-8 with the ends of lines that it has. See ``replacing``."""
    with replacing(path, mode=mode, sync=sync) as file:
        file.write(_bytes(content))


def deliver(path: Path, content: bytes | str) -> None:
    """Write what somebody asked for to where they said: through links, and to a pipe or a device as it is.

    A file that is there keeps its mode; a new one gets the usual one.

    Raises:
        OSError: it cannot be written; a file is as it was.
    """
    try:
        there = path.stat().st_mode
    except FileNotFoundError:
        there = None
    # Of a file that is only reached by an open descriptor, others hold the old one.
    if path.parts[:2] in (("/", "dev"), ("/", "proc")) or not (there is None or stat.S_ISREG(there)):
        path.write_bytes(_bytes(content))
        return
    mode = usual_mode() if there is None else stat.S_IMODE(there)
    write(Path(os.path.realpath(path)), content, mode=mode, sync=False)


def create(path: Path, content: bytes, *, mode: int = PRIVATE) -> bool:
    """Put a file where there is none yet; False where there is one by then, which is left alone.

    Raises:
        OSError: it cannot be written.
    """
    with beside(path) as (part, file):
        file.write(content)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
        try:
            path.hardlink_to(part)  # unlike a rename it never replaces what another process has made
        except FileExistsError:
            return False
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


@contextlib.contextmanager
def beside(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A new file of mode 0600 in the folder of ``path``, removed at the end if it still has its name."""
    # Not tempfile: it costs every command's start more than all the rest of this.
    part = path.with_name(f".stella-{os.urandom(8).hex()}")
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
    try:
        with open(descriptor, "wb") as file:
            yield part, file
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def usual_mode() -> int:
    """The permission bits that open(2) gives a new file of this process."""
    now = os.umask(0o022)
    os.umask(now)
    return 0o666 & ~now


def _bytes(content: bytes | str) -> bytes:
    return content.encode("utf-8") if isinstance(content, str) else content
