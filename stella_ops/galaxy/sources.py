"""Fetches what is to be installed: from archives, folders, addresses and repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from stella_ops.errors import GalaxyError
from stella_ops.galaxy.requirements import Wanted

_SECONDS = 60


class ServerNeeded(GalaxyError):
    """It is on a Galaxy server alone."""


def fetch(wanted: Wanted, work: Path, *, timeout: float = _SECONDS) -> Path:
    """The archive or folder of what is wanted.

    Args:
        work: an empty folder for what is downloaded.
        timeout: seconds for a server's answer.

    Raises:
        ServerNeeded: a name that only a Galaxy server knows.
        GalaxyError: it is not there, or cannot be fetched.
    """
    match wanted.kind:
        case "file":
            path = Path(wanted.source.removeprefix("file://")).expanduser().absolute()
            if not path.is_file():
                raise GalaxyError(f"could not find {wanted.source}", hint=f"looked for {path}")
            return path
        case "dir" | "subdirs":
            path = Path(wanted.source).expanduser().absolute()
            if not path.is_dir():
                raise GalaxyError(f"there is no folder {path}")
            return path
        case "git":
            folder = _cloned(wanted, work)
            return folder / wanted.fragment if wanted.fragment else folder
        case "url":
            return _downloaded(wanted.source, work, timeout)
    raise ServerNeeded(
        f"'{wanted.source}' names no archive, folder, repository or address, and Galaxy servers are not asked",
        hint="fetch it where there is one (ansible-galaxy collection download), and install the archive",
    )


def _cloned(wanted: Wanted, work: Path) -> Path:
    program = shutil.which("git")
    if program is None:
        raise GalaxyError("git is not installed, which fetches repositories", hint="apt install git")
    address = wanted.source
    if address.startswith("-") or (wanted.version or "").startswith("-"):
        raise GalaxyError(f"'{address}' at '{wanted.version}' is no repository")
    target = work / "repository"
    _git([program, "clone", "--quiet", "--", address, str(target)], address)
    if wanted.version not in (None, "HEAD"):
        _git([program, "-C", str(target), "checkout", "--quiet", str(wanted.version), "--"], address)
    return target


def _git(command: list[str], address: str) -> None:
    done = subprocess.run(  # noqa: S603
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
    )
    if done.returncode:
        why = done.stderr.strip().replace(address, _shown(address))
        raise GalaxyError(f"git cannot fetch {_shown(address)}: {why}")


def _shown(address: str) -> str:
    """An address without a password that may be in it."""
    scheme, _, rest = address.partition("://")
    user, found, host = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}@{host}" if found and ":" in user else address


def _downloaded(address: str, work: Path, timeout: float) -> Path:
    if not address.startswith(("https://", "http://")):
        raise GalaxyError(f"'{address}' is no address of an archive", hint="https://…")
    target = work / (address.rstrip("/").rpartition("/")[2].partition("?")[0] or "archive.tar.gz")
    try:
        with urllib.request.urlopen(address, timeout=timeout) as answer, target.open("wb") as file:  # noqa: S310 - http(s)
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, OSError, ValueError) as problem:
        raise GalaxyError(f"{_shown(address)} cannot be fetched: {problem}") from None
    return target
