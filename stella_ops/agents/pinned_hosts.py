"""The keys that are pinned in the store, as a known_hosts file for connections.

The store is the record; the file in the state folder is made from it, whole and atomically, whenever the record
changes. A run reads one small file instead of asking a database. Controllers that share a store on a server bring
their files up to date when a run begins.
"""

from __future__ import annotations

from pathlib import Path

from stella_ops import atomic_files
from stella_ops.errors import StoreError
from stella_ops.file_locks import locked
from stella_ops.store import host_keys
from stella_ops.store.columns import iso_z
from stella_ops.store.database import Store
from stella_ops.store.host_keys import HostKey

_HEAD = """\
# Host keys that are pinned in the fleet store, written by stella-ops: what is changed here is lost.
# See and change them with: stella-ops hostkeys list, pin, unpin, revoke
"""


def write_pinned_hosts(store: Store, file: Path) -> int:
    """Bring the file up to date; the number of lines with keys. Where nothing is pinned there is no file.

    Raises:
        StoreError: the store cannot be read, or the file cannot be written.
    """
    try:
        # Two at once: the second reads the store after the first has written.
        with locked(file.with_name(f"{file.name}.lock")):
            with store.reading() as connection:
                keys = host_keys.find(connection, statuses=("pinned", "revoked"))
            lines = pinned_lines(keys)
            _write(file, lines)
    except OSError as problem:
        raise StoreError(f"pinned host keys cannot be written: {problem.strerror}", where=file) from None
    return len(lines)


def pinned_lines(keys: list[HostKey]) -> list[str]:
    """known_hosts lines of pinned and revoked keys. A revoked key is refused for whatever host shows it."""
    lines: dict[str, None] = {}
    for key in keys:
        if key.status == "revoked":
            when = "" if key.ended_at is None else f" {iso_z(key.ended_at)}"
            lines[f"@revoked * {key.public_key} revoked{when} by {_word(key.ended_by)}"] = None
        elif "store" in (key.pinned_to or ()):
            when = "" if key.pinned_at is None else f" {iso_z(key.pinned_at)}"
            lines[f"{key.place} {key.public_key} pinned{when} by {_word(key.pinned_by)}"] = None
    return list(lines)


def _write(file: Path, lines: list[str]) -> None:
    if not lines:
        file.unlink(missing_ok=True)
        return
    atomic_files.write(file, _HEAD + "".join(f"{line}\n" for line in lines))


def _word(text: str | None) -> str:
    return "".join(c if c.isprintable() else "?" for c in (text or "unknown")).replace(" ", "_")
