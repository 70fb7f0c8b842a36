"""Counts that outlive processes and are shared by all that use the store: what ``/metrics`` tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from stella_ops.store.insertion import insert_new
from stella_ops.store.tables import counters


@dataclass(frozen=True, slots=True)
class Count:
    """One series of a counter and how far it has come."""

    name: str
    labels: Mapping[str, str]
    value: int


def count(connection: Connection, name: str, labels: Mapping[str, str], by: int = 1) -> None:
    """Add to a counter; it stands or falls with the transaction that did what is counted."""
    text = json.dumps(dict(labels), sort_keys=True, separators=(",", ":"))
    more = (
        update(counters).where(counters.c.name == name, counters.c.labels == text).values(value=counters.c.value + by)
    )
    # The row is mostly there. Where two make it at once, the second adds to the first's.
    if connection.execute(more).rowcount == 0 and not insert_new(
        connection, counters, [{"name": name, "labels": text, "value": by}]
    ):
        connection.execute(more)


def every(connection: Connection) -> list[Count]:
    """All series, ordered by name and labels."""
    rows = connection.execute(select(counters).order_by(counters.c.name, counters.c.labels))
    return [Count(row.name, json.loads(row.labels), row.value) for row in rows]
