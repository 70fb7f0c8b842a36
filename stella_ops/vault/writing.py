"""Puts a file in its place as a whole: whoever reads it meanwhile sees the old content or the new."""

from __future__ import annotations

import os
from pathlib import Path

from stella_ops import atomic_files
from stella_ops.errors import VaultError

_PRIVATE = 0o600
_CHUNK = 1024 * 1024


def write_file(path: Path, data: bytes, *, private: bool = False, erase: bool = False) -> None:
    """Write a file, through links, keeping mode and owner; a new one has mode 0600.

    Args:
        private: nobody but the owner may read it from now on.
        erase: overwrite what the file held before, once the new content is in place and where no other name leads
            to it. File systems that copy on write, and disks that level their wear, may keep it nevertheless.

    Raises:
        VaultError: it cannot be written; the old content is in place then.
    """
    path = path.resolve()
    try:
        before = path.open("r+b" if erase else "rb", buffering=0) if path.exists() else None
    except OSError as problem:
        raise VaultError(f"cannot write {path}: {problem.strerror}") from None
    try:
        with atomic_files.beside(path) as (part, file):
            if before is not None:
                _keep(file.fileno(), os.fstat(before.fileno()), private)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        if before is not None and erase:
            _overwrite(before.fileno())
    except OSError as problem:
        raise VaultError(f"cannot write {path}: {problem.strerror}") from None
    finally:
        if before is not None:
            before.close()


def _keep(descriptor: int, before: os.stat_result, private: bool) -> None:
    made = os.fstat(descriptor)
    if (before.st_uid, before.st_gid) != (made.st_uid, made.st_gid):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, before.st_mode & (0o700 if private else 0o7777))


def _overwrite(descriptor: int) -> None:
    found = os.fstat(descriptor)
    if found.st_nlink:  # another name leads to it: it is somebody else's file, too
        return
    for start in range(0, found.st_size, _CHUNK):
        os.pwrite(descriptor, bytes(min(_CHUNK, found.st_size - start)), start)
    os.fsync(descriptor)
