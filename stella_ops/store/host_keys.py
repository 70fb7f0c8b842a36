"""Queries about SSH host keys: what hosts were seen with, and what operators made of it.

A key is *pending* when it is first seen. Approved, it is *approved*; written where connections look, *pinned*. It ends
as *replaced* (another key took its place), *unpinned* or *revoked*; seen again after the first two, it is pending anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from stella_ops.store.insertion import insert_new
from stella_ops.store.tables import host_keys

STATUSES = ("pending", "approved", "pinned", "replaced", "unpinned", "revoked")
# SQLite takes so many values in one statement for certain.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenKey:
    """A key as a host showed it.

    Attributes:
        host: the host's name in the inventory.
        name, port: as known_hosts names it.
        fingerprint: OpenSSH's ``SHA256:…``.
        public_key: algorithm and base64, without comment.
        state: "new", "known", "certified" or "changed".
        note: what people should know of that, such as where it stands.
        certificate: of the host certificate that came with it.
    """

    host: str
    name: str
    port: int
    algorithm: str
    bits: int
    fingerprint: str
    public_key: str
    state: str
    note: str | None = None
    certificate: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey(SeenKey):
    """A key on record; see ``tables.host_keys``."""

    id: int
    status: str
    first_seen_at: datetime
    last_seen_at: datetime
    approved_at: datetime | None = None
    approved_by: str | None = None
    approved_because: str | None = None
    replaces: bool = False
    pinned_at: datetime | None = None
    pinned_by: str | None = None
    pinned_to: Sequence[str] | None = field(default=None)
    ended_at: datetime | None = None
    ended_by: str | None = None

    @property
    def place(self) -> str:
        """Host and port as known_hosts writes them."""
        return self.name if self.port == 22 else f"[{self.name}]:{self.port}"


def record_seen(connection: Connection, keys: Sequence[SeenKey], at: datetime) -> None:
    """Note what hosts showed; keys that are new, or had been given up, wait for approval from now on."""
    columns = host_keys.c
    for key in keys:
        seen = {name: getattr(key, name) for name in SeenKey.__dataclass_fields__}
        new = {**seen, "status": "pending", "first_seen_at": at, "last_seen_at": at, "replaces": False}
        if insert_new(connection, host_keys, [new]):
            continue
        here = (
            columns.host == key.host,
            columns.name == key.name,
            columns.port == key.port,
            columns.fingerprint == key.fingerprint,
        )
        fresh = {"last_seen_at": at, "state": key.state, "note": key.note, "certificate": seen["certificate"]}
        connection.execute(update(host_keys).where(*here).values(fresh))
        again = {"status": "pending", "replaces": False, "approved_at": None, "pinned_at": None, "pinned_to": None}
        given_up = columns.status.in_(("replaced", "unpinned"))
        connection.execute(update(host_keys).where(*here, given_up).values(again))


def find(
    connection: Connection, *, hosts: Collection[str] | None = None, statuses: Collection[str] | None = None
) -> list[HostKey]:
    """Keys on record, of these hosts of the inventory and in these statuses if given; by host and algorithm."""
    query = select(host_keys).order_by(
        host_keys.c.host, host_keys.c.name, host_keys.c.port, host_keys.c.algorithm, host_keys.c.id
    )
    if statuses is not None:
        query = query.where(host_keys.c.status.in_(list(statuses)))
    if hosts is not None and len(hosts) <= _AT_ONCE:
        query = query.where(host_keys.c.host.in_(list(hosts)))
    found = [HostKey(**row._mapping) for row in connection.execute(query)]
    return found if hosts is None else [key for key in found if key.host in hosts]


def approve(
    connection: Connection, key: HostKey, *, at: datetime, by: str, because: str, replaces: bool = False
) -> bool:
    """Approve a pending key; False when it is pending no more."""
    values = {
        "status": "approved",
        "approved_at": at,
        "approved_by": by,
        "approved_because": because,
        "replaces": replaces,
        "ended_at": None,
        "ended_by": None,
    }
    return _change(connection, key.id, ("pending",), values)


def pin(connection: Connection, key: HostKey, *, to: str, at: datetime, by: str) -> bool:
    """Note that an approved or pinned key stands in a place; False when it is neither any more."""
    places = sorted({*(key.pinned_to or ()), to})
    values: dict[str, Any] = {"status": "pinned", "pinned_to": places, "replaces": False}
    if key.status != "pinned":
        values |= {"pinned_at": at, "pinned_by": by}
    return _change(connection, key.id, ("approved", "pinned"), values)


def replaced_by(connection: Connection, key: HostKey) -> list[HostKey]:
    """The keys on record for the same place that this one takes the place of.

    Those of its kind; where there are none, those that the host did not show when it showed this one.
    """
    columns = host_keys.c
    query = select(host_keys).where(
        columns.name == key.name,
        columns.port == key.port,
        columns.status.in_(("pinned", "approved")),
        columns.fingerprint != key.fingerprint,
    )
    others = [HostKey(**row._mapping) for row in connection.execute(query)]
    of_its_kind = [other for other in others if other.algorithm == key.algorithm]
    return of_its_kind or [other for other in others if other.last_seen_at < key.last_seen_at]


def end(connection: Connection, key: HostKey, status: str, *, at: datetime, by: str) -> bool:
    """Give a key up: ``status`` is "replaced", "unpinned" or "revoked". False when it is so already."""
    values: dict[str, Any] = {"status": status, "ended_at": at, "ended_by": by, "replaces": False}
    return _change(connection, key.id, tuple(each for each in STATUSES if each != status), values)


def _change(connection: Connection, key_id: int, before: tuple[str, ...], values: Mapping[str, Any]) -> bool:
    done = connection.execute(
        update(host_keys).where(host_keys.c.id == key_id, host_keys.c.status.in_(before)).values(**values)
    )
    return done.rowcount == 1
