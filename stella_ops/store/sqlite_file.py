"""The file of an SQLite store."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from stella_ops.errors import StoreError


def sqlite_file(url: str) -> Path:
    """The file of an SQLite URL, existing and readable by its owner only.

    Raises:
        StoreError: the URL names no file, or the file cannot be made.
    """
    prefix, _, rest = url.partition(":///")
    path = unquote(rest.split("?")[0])
    if prefix not in ("sqlite", "sqlite+pysqlite") or not path or path == ":memory:":
        raise StoreError(
            "the store needs a file",
            where=url,
            hint="write sqlite:///FILE, with four slashes for an absolute path",
        )
    file = Path(path).absolute()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # Made here, before SQLite does with the umask's mode; its -wal and -shm files take the same mode.
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            # Opening it here too would be wrong: closing it again drops the locks this process has on it.
            found = file.stat()
            if found.st_mode & 0o077 and found.st_uid == os.geteuid():
                file.chmod(0o600)
    except OSError as problem:
        raise StoreError(
            f"the store cannot be opened: {problem.strerror}",
            where=file,
            hint="check the owner and mode of the folder, or set STELLA_HOME",
        ) from None
    return file
