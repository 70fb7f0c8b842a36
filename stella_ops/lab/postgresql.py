"""A PostgreSQL server in a folder of its own, from Debian's package: to try the shared fleet store on, and to test it.

It listens on a UNIX socket in that folder alone, trusts whoever may enter the folder, and is for nothing else.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stella_ops.errors import LabError

_USER = "fleet"


class PostgresServer:
    """A running server. Made by ``running``."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder

    def database(self) -> str:
        """Make an empty database and return its URL, in the form of ``[store] url``."""
        name = f"fleet_{secrets.token_hex(6)}"
        _run([self.programs / "createdb", "-h", self.folder, "-U", _USER, name], {})
        return f"postgresql+psycopg://{_USER}@/{name}?host={self.folder}"


def find_programs() -> Path | None:
    """The folder with ``initdb`` and ``postgres``: of Debian's newest version, or on the PATH; None without."""
    packaged = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted(packaged, key=lambda path: float(path.parent.parent.name))
    program = found[-1] if found else shutil.which("initdb")
    return Path(program).parent if program else None


@contextmanager
def running(*, max_connections: int = 200) -> Iterator[PostgresServer]:
    """Start a server, and stop and remove it afterwards.

    Raises:
        LabError: PostgreSQL is not installed, or does not start.
    """
    programs = find_programs()
    if programs is None:
        raise LabError("there is no PostgreSQL server on this machine", hint="apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="stella-pg-"))
    try:
        as_user = _as_user(folder)
        data = folder / "data"
        _run(
            [programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "--no-sync", "-E", "UTF8"],
            {"cwd": folder, **as_user},
        )
        options = [f"max_connections={max_connections}", "listen_addresses=", "fsync=off"]
        options.append(f"unix_socket_directories={folder}")
        # pg_ctl waits until the server answers, and it knows when one has ended instead.
        settings = " ".join(f"-c {option}" for option in options)
        start: list[str | Path] = [
            programs / "pg_ctl",
            "-D",
            data,
            "-l",
            folder / "log",
            "-o",
            settings,
            "-t",
            "60",
            "-w",
            "start",
        ]
        _run(start, {"cwd": folder, **as_user})
        yield PostgresServer(programs, folder)
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            stop: list[str | Path] = [programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop"]
            subprocess.run(stop, cwd=folder, capture_output=True, check=False, **_as_user(folder))  # noqa: S603
        shutil.rmtree(folder, ignore_errors=True)


def _as_user(folder: Path) -> dict[str, Any]:
    """The server refuses to run as root: then it is the package's own user."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise LabError("PostgreSQL does not run as root, and there is no user postgres") from None
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def _run(command: Sequence[str | Path], options: dict[str, Any]) -> None:
    # Not a pipe: the server that pg_ctl starts would hold it open for good.
    with tempfile.TemporaryFile() as said:
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said}
        done = subprocess.run(command, check=False, **quiet, **options)  # noqa: S603
        if done.returncode:
            said.seek(0)
            last = said.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            raise LabError(f"{Path(command[0]).name} failed: {' '.join(last) or done.returncode}")
