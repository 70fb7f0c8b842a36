"""Queries about facts of hosts that are kept between runs: one text of JSON for each host of an inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from stella_ops.store.insertion import insert_new
from stella_ops.store.tables import host_facts

# SQLite takes so many values in one statement for certain.
_AT_ONCE = 500


def find(connection: Connection, hosts: Sequence[str], *, since: datetime | None = None) -> dict[str, str]:
    """The facts of those of some hosts of which there are any, and none older than ``since``."""
    found: dict[str, str] = {}
    for some in _portions(hosts):
        query = select(host_facts.c.host, host_facts.c.facts).where(host_facts.c.host.in_(some))
        if since is not None:
            query = query.where(host_facts.c.gathered_at >= since)
        found.update((row.host, row.facts) for row in connection.execute(query))
    return found


def save(connection: Connection, facts: Mapping[str, str], at: datetime) -> None:
    """Keep these facts, of this moment, in place of those that were kept of their hosts."""
    for host, text in facts.items():
        row = {"host": host, "facts": text, "gathered_at": at}
        if not insert_new(connection, host_facts, [row]):
            connection.execute(update(host_facts).where(host_facts.c.host == host).values(row))


def forget(connection: Connection, hosts: Sequence[str]) -> None:
    """Keep nothing of some hosts."""
    for some in _portions(hosts):
        connection.execute(delete(host_facts).where(host_facts.c.host.in_(some)))


def _portions(hosts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(hosts), _AT_ONCE):
        yield hosts[start : start + _AT_ONCE]
