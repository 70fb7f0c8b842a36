"""Queries about the doctor's reports (``stella.doctor/v1``), one a host and visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from stella_ops.store.tables import doctor_reports


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """A report as it was given out; ``agent_id`` is None for a host without an enrolled agent."""

    host: str
    time: datetime
    overall_status: str
    report: Mapping[str, Any]
    agent_id: str | None = None


def add(connection: Connection, report: StoredReport) -> None:
    """Record a report."""
    connection.execute(insert(doctor_reports).values(asdict(report)))


def recent(connection: Connection, host: str, limit: int = 1) -> list[StoredReport]:
    """The last reports of a host, newest first."""
    columns = [c for c in doctor_reports.c if c.name != "id"]
    query = (
        select(*columns)
        .where(doctor_reports.c.host == host)
        .order_by(doctor_reports.c.time.desc(), doctor_reports.c.id.desc())
        .limit(limit)
    )
    return [StoredReport(**row._mapping) for row in connection.execute(query)]


def newest_of_each(connection: Connection) -> list[StoredReport]:
    """The report that was recorded last of each host, ordered by host."""
    columns = [c for c in doctor_reports.c if c.name != "id"]
    newest = select(func.max(doctor_reports.c.id)).group_by(doctor_reports.c.host)
    query = select(*columns).where(doctor_reports.c.id.in_(newest)).order_by(doctor_reports.c.host)
    return [StoredReport(**row._mapping) for row in connection.execute(query)]


def prune(connection: Connection, before: datetime) -> int:
    """Delete reports older than a moment; returns how many."""
    return connection.execute(delete(doctor_reports).where(doctor_reports.c.time < before)).rowcount
