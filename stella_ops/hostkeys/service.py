"""What operators do with host keys: note what was seen, approve, pin, unpin, revoke. Every act is audited."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from stella_ops.agents.pinned_hosts import write_pinned_hosts
from stella_ops.hostkeys import host_vars
from stella_ops.hostkeys.look import Looked
from stella_ops.store import audit, host_keys
from stella_ops.store.database import Store
from stella_ops.store.host_keys import HostKey
from stella_ops.transport.known_hosts_file import append_line, drop_lines

STORE, INVENTORY, KNOWN_HOSTS = "store", "inventory", "known_hosts"


@dataclass(frozen=True, slots=True)
class Choice:
    """A key to approve, why, and whether it takes the place of the one on record."""

    key: HostKey
    because: str
    replaces: bool = False


@dataclass(slots=True)
class Pinned:
    """What pinning did: keys that are pinned, files that changed, keys that were replaced, what is left to do."""

    keys: list[HostKey] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    replaced: list[HostKey] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class HostKeyService:
    """The host keys of one fleet.

    Args:
        pinned_file: where the store's pins are written out for connections.
        accepted_file: where ``--accept-new-host-keys`` writes; old keys are taken out of it when they are replaced.
        actor: who acts, for the record.
    """

    def __init__(
        self, store: Store, pinned_file: Path, accepted_file: Path, *, clock: Callable[[], datetime], actor: str
    ) -> None:
        self._store = store
        self._pinned_file = pinned_file
        self._accepted_file = accepted_file
        self._clock = clock
        self._actor = actor

    def find(self, *, hosts: Collection[str] | None = None, statuses: Collection[str] | None = None) -> list[HostKey]:
        """Keys on record, of these hosts and in these statuses."""
        with self._store.reading() as connection:
            return host_keys.find(connection, hosts=hosts, statuses=statuses)

    def record(self, looked: Sequence[Looked]) -> None:
        """Note what hosts showed; changed and revoked keys come into the audit trail."""
        now = self._clock()
        with self._store.transaction() as connection:
            host_keys.record_seen(connection, [seen for host in looked for seen in host.seen()], now)
            for host in looked:
                for key in host.keys:
                    if key.state not in ("changed", "revoked"):
                        continue
                    detail = {
                        "place": host.place,
                        "reason": key.state,
                        "algorithm": key.shown.algorithm,
                        "fingerprint": key.shown.fingerprint,
                        "on_record": list(key.expected),
                    }
                    self._audit(connection, "host-key.refuse", host.host, detail, "refused")

    def approve(self, choices: Sequence[Choice]) -> list[HostKey]:
        """Approve keys, all or none; those that no longer wait are left out. The approved keys as they are now."""
        now = self._clock()
        with self._store.transaction() as connection:
            done = []
            for choice in choices:
                key = choice.key
                if not host_keys.approve(
                    connection, key, at=now, by=self._actor, because=choice.because, replaces=choice.replaces
                ):
                    continue
                done.append(key.id)
                detail = {**_told(key), "because": choice.because, "replaces": choice.replaces}
                self._audit(connection, "host-key.approve", key.host, detail)
            return self._again(connection, done)

    def pin(self, keys: Sequence[HostKey], to: str, *, folder: Path | None = None, file: Path | None = None) -> Pinned:
        """Write approved keys where connections look, and note it.

        Args:
            to: "store", "inventory" (``folder`` is the inventory's) or "known_hosts" (``file``).

        Raises:
            InventoryError: a host_vars file cannot be edited.
            OSError: the known_hosts file cannot be written.
        """
        now, done = self._clock(), Pinned()
        with self._store.reading() as connection:
            old = {key.id: host_keys.replaced_by(connection, key) if key.replaces else [] for key in keys}
        if to == INVENTORY:
            assert folder is not None
            self._into_inventory(folder, keys, old, done)
        elif to == KNOWN_HOSTS:
            assert file is not None
            before = file.read_bytes() if file.exists() else b""
            for key in keys:
                append_line(file, f"{key.place} {key.public_key}")
            if file.read_bytes() != before:
                done.files.append(file)
        with self._store.transaction() as connection:
            pinned = []
            for key in keys:
                if not host_keys.pin(connection, key, to=to, at=now, by=self._actor):
                    continue
                pinned.append(key.id)
                self._audit(connection, "host-key.pin", key.host, {**_told(key), "to": to})
                for other in old[key.id]:
                    if host_keys.end(connection, other, "replaced", at=now, by=self._actor):
                        done.replaced.append(other)
                        detail = {**_told(other), "by": key.fingerprint}
                        self._audit(connection, "host-key.replace", other.host, detail)
            done.keys = self._again(connection, pinned)
        self._forget_accepted([key for key in keys if key.replaces], done)
        done.left += [left for key in done.replaced for left in _left_elsewhere(key, to, file)]
        done.left += [left for key in keys if key.replaces for left in self._noted_elsewhere(key)]
        self.write_out()
        return done

    def unpin(self, keys: Sequence[HostKey], *, folder: Path | None = None) -> Pinned:
        """Trust keys no longer that were approved, pinned or revoked: they are new again when they are seen again."""
        return self._end(keys, "unpinned", "host-key.unpin", folder)

    def revoke(self, keys: Sequence[HostKey], *, folder: Path | None = None) -> Pinned:
        """Never accept these keys again, whatever host shows them."""
        return self._end(keys, "revoked", "host-key.revoke", folder)

    def write_out(self) -> int:
        """Bring the file of pinned keys up to date with the store; the number of its lines."""
        return write_pinned_hosts(self._store, self._pinned_file)

    # -- how

    def _end(self, keys: Sequence[HostKey], status: str, act: str, folder: Path | None) -> Pinned:
        now, done = self._clock(), Pinned()
        if folder is not None:
            self._out_of_inventory(folder, keys, done)
        with self._store.transaction() as connection:
            ended = []
            for key in keys:
                if host_keys.end(connection, key, status, at=now, by=self._actor):
                    ended.append(key.id)
                    self._audit(connection, act, key.host, _told(key))
            done.keys = self._again(connection, ended)
        done.left += [left for key in keys for left in _left_elsewhere(key, INVENTORY, None)]
        self.write_out()
        return done

    def _into_inventory(
        self, folder: Path, keys: Sequence[HostKey], old: dict[int, list[HostKey]], done: Pinned
    ) -> None:
        for host, mine in _by_host(keys).items():
            file = host_vars.host_vars_file(folder, host)
            gone = {other.public_key for key in mine for other in old[key.id]}
            kept = [line for line in host_vars.read_host_keys(file) if line not in gone]
            wanted = list(dict.fromkeys([*kept, *(key.public_key for key in mine)]))
            if host_vars.write_host_keys(file, wanted):
                done.files.append(file)

    def _out_of_inventory(self, folder: Path, keys: Sequence[HostKey], done: Pinned) -> None:
        for host, mine in _by_host(keys).items():
            file = host_vars.host_vars_file(folder, host)
            gone = {key.public_key for key in mine}
            before = host_vars.read_host_keys(file)
            if gone.intersection(before) and host_vars.write_host_keys(file, [k for k in before if k not in gone]):
                done.files.append(file)

    def _forget_accepted(self, keys: Sequence[HostKey], done: Pinned) -> None:
        """Takes the old keys of places whose keys were replaced out of our own file of accepted keys."""
        places: dict[str, set[str]] = {}
        for key in keys:
            places.setdefault(key.place, set()).add(key.public_key)
        if places and drop_lines(self._accepted_file, places):
            done.files.append(self._accepted_file)

    def _noted_elsewhere(self, key: HostKey) -> list[str]:
        """Lines with the old key in files that are not ours, by what the last look noted."""
        ours = (str(self._pinned_file), str(self._accepted_file), "the inventory")
        said = (key.note or "").removeprefix("on record: ").split("; ")
        return [f"{key.host}: the old key still stands: {line}" for line in said if line and not _in_any(line, ours)]

    def _again(self, connection: Connection, ids: Collection[int]) -> list[HostKey]:
        return [key for key in host_keys.find(connection) if key.id in set(ids)]

    def _audit(
        self, connection: Connection, act: str, subject: str, detail: dict[str, Any], outcome: str = "ok"
    ) -> None:
        audit.record(
            connection,
            audit.AuditEntry(
                time=self._clock(), actor=self._actor, act=act, subject=subject, outcome=outcome, detail=detail
            ),
        )


def _told(key: HostKey) -> dict[str, Any]:
    return {"place": key.place, "algorithm": key.algorithm, "fingerprint": key.fingerprint}


def _by_host(keys: Sequence[HostKey]) -> dict[str, list[HostKey]]:
    found: dict[str, list[HostKey]] = {}
    for key in keys:
        found.setdefault(key.host, []).append(key)
    return found


def _in_any(line: str, places: Sequence[str]) -> bool:
    return any(f" in {place}" in line for place in places)


def _left_elsewhere(key: HostKey, to: str, file: Path | None) -> list[str]:
    """Where a key that was given up still stands: a person's known_hosts is not ours to take lines out of."""
    left, places = [], key.pinned_to or ()
    if KNOWN_HOSTS in places:
        where = f" -f {file}" if file is not None else ""
        left.append(f"{key.host}: {key.fingerprint} still stands in known_hosts: ssh-keygen -R '{key.place}'{where}")
    if INVENTORY in places and to != INVENTORY:
        left.append(
            f"{key.host}: {key.fingerprint} still stands in host_vars (stella_host_keys): "
            "pin the new key to the inventory too"
        )
    return left
