"""Which host keys are trusted, and the record of those that an operator chose to accept.

A host key is verified on every connection. A key that is not known is accepted only on explicit request
(``--accept-new-host-keys``) and is then written down; a key that differs from a known one is never accepted.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

USER_FILES = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_FILES = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


@dataclass(frozen=True, slots=True)
class AcceptedKey:
    """A host key that was new and has been accepted; ``fingerprint`` is OpenSSH's SHA256 form."""

    host: str
    port: int
    algorithm: str
    fingerprint: str


class HostKeys:
    """The trusted keys of a run: files are read and parsed once.

    Args:
        project_file: where accepted keys are written and looked up, besides OpenSSH's own files.
        on_accept: told of each accepted key, for the audit trail.
    """

    def __init__(
        self, project_file: Path | None = None, on_accept: Callable[[AcceptedKey], None] | None = None
    ) -> None:
        self.project_file = project_file
        self._on_accept = on_accept
        self._parsed: dict[tuple[str, ...], asyncssh.SSHKnownHosts] = {}
        self._accepted: dict[tuple[str, int], list[asyncssh.SSHKey]] = {}

    def trusted(self, files: Sequence[Path] | None) -> Trust:
        """The keys of some known-hosts files (None: OpenSSH's usual ones) and the project's."""
        if files is None:
            files = [Path(name).expanduser() for name in (*USER_FILES, *GLOBAL_FILES)]
        wanted = [*files, *([self.project_file] if self.project_file else [])]
        key = tuple(str(path) for path in wanted)
        known = self._parsed.get(key)
        if known is None:
            text = "\n".join(_read(path) for path in wanted)
            known = self._parsed[key] = asyncssh.import_known_hosts(text)
        return Trust(known, self)

    def accepted(self, host: str, port: int) -> list[asyncssh.SSHKey]:
        """Keys accepted in this run."""
        return self._accepted.get((host, port), [])

    def accept(self, host: str, port: int, key: asyncssh.SSHKey) -> None:
        """Trust a key from now on, and write it down."""
        self._accepted.setdefault((host, port), []).append(key)
        if self.project_file is not None:
            name = host if port == 22 else f"[{host}]:{port}"
            public = key.export_public_key("openssh").decode().split()
            _append_line(self.project_file, f"{name} {public[0]} {public[1]}")
        if self._on_accept is not None:
            self._on_accept(AcceptedKey(host, port, key.get_algorithm(), key.get_fingerprint()))


class Trust:
    """What is trusted for one connection; asyncssh calls it to look a host up."""

    def __init__(self, known: asyncssh.SSHKnownHosts, keys: HostKeys) -> None:
        self._known = known
        self._keys = keys
        self.has_keys = False

    def __call__(self, host: str, addr: str, port: int | None) -> Any:
        found = self._known.match(host, addr, port)
        trusted = list(found[0]) + [k for k in self._keys.accepted(host, port or 22) if k not in found[0]]
        self.has_keys = bool(trusted or found[1] or found[2])
        return (trusted, *found[1:])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _append_line(path: Path, line: str) -> None:
    """One write under a lock: two controllers that accept keys at once lose none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if line not in _read(path).splitlines():
            os.write(fd, line.encode() + b"\n")
    finally:
        os.close(fd)
