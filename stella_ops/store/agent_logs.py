"""Queries about log entries that agents have sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from stella_ops.store.insertion import insert_new
from stella_ops.store.tables import agent_logs


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A log entry by the host's clock (``time``) and the moment it was received. ``data``: its other fields."""

    agent_id: str
    seq: int
    time: datetime
    received_at: datetime
    level: str
    event: str
    data: Mapping[str, Any]


def record(connection: Connection, entries: Sequence[LogEntry]) -> int:
    """Record entries; those known already (agent, time and number) are passed over. Returns how many are new."""
    return insert_new(connection, agent_logs, [asdict(entry) for entry in entries])


def recent(connection: Connection, agent_id: str, limit: int = 1) -> list[LogEntry]:
    """The last entries of an agent, newest first."""
    columns = [c for c in agent_logs.c if c.name != "id"]
    query = (
        select(*columns)
        .where(agent_logs.c.agent_id == agent_id)
        .order_by(agent_logs.c.time.desc(), agent_logs.c.seq.desc())
        .limit(limit)
    )
    return [LogEntry(**row._mapping) for row in connection.execute(query)]


def keep_last(connection: Connection, agent_id: str, most: int) -> int:
    """Delete an agent's oldest entries, as received, beyond ``most``; returns how many."""
    oldest_kept = (
        select(agent_logs.c.id)
        .where(agent_logs.c.agent_id == agent_id)
        .order_by(agent_logs.c.id.desc())
        .offset(most - 1)
        .limit(1)
    )
    boundary = connection.execute(oldest_kept).scalar()
    if boundary is None:
        return 0
    gone = delete(agent_logs).where(agent_logs.c.agent_id == agent_id, agent_logs.c.id < boundary)
    return connection.execute(gone).rowcount


def prune(connection: Connection, before: datetime) -> int:
    """Delete entries received before a moment; returns how many."""
    return connection.execute(delete(agent_logs).where(agent_logs.c.received_at < before)).rowcount
