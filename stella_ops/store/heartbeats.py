"""Queries about heartbeats that were read from hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from stella_ops.store.insertion import insert_new
from stella_ops.store.tables import heartbeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A heartbeat by the host's clock (``time``) and the moment we read it (``received_at``)."""

    agent_id: str
    seq: int
    time: datetime
    received_at: datetime
    version: str | None
    status: str
    data: Mapping[str, Any]


def record(connection: Connection, beats: Sequence[Heartbeat]) -> int:
    """Record heartbeats; those known already (agent, time and number) are passed over. Returns the count."""
    return insert_new(connection, heartbeats, [asdict(beat) for beat in beats])


def recent(connection: Connection, agent_id: str, limit: int = 1) -> list[Heartbeat]:
    """The last heartbeats of an agent, newest first."""
    columns = [c for c in heartbeats.c if c.name != "id"]
    query = (
        select(*columns)
        .where(heartbeats.c.agent_id == agent_id)
        .order_by(heartbeats.c.time.desc(), heartbeats.c.seq.desc())
        .limit(limit)
    )
    return [Heartbeat(**row._mapping) for row in connection.execute(query)]


def last_seq(connection: Connection, agent_id: str) -> int:
    """The number of the newest heartbeat known, to ask the host for those after it; 0 for none."""
    found = recent(connection, agent_id)
    return found[0].seq if found else 0


def prune(connection: Connection, before: datetime) -> int:
    """Delete heartbeats older than a moment; returns how many."""
    return connection.execute(delete(heartbeats).where(heartbeats.c.time < before)).rowcount
