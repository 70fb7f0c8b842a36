"""Queries about the journals of runs: what an interrupted run goes on from. Bodies are sealed, see ``journal_seal``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from stella_ops.store.insertion import insert_new
from stella_ops.store.runs import Run
from stella_ops.store.tables import run_journal, runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What was written of a journal at one time."""

    run_id: str
    key_id: str
    written_at: datetime
    body: bytes


def add(connection: Connection, portions: Iterable[Portion]) -> None:
    """Add to the journals of runs that were started."""
    rows = [
        {"run_id": each.run_id, "key_id": each.key_id, "written_at": each.written_at, "body": each.body}
        for each in portions
    ]
    if rows:
        connection.execute(insert(run_journal), rows)


def portions(connection: Connection, run_id: str) -> list[Portion]:
    """The journal of a run in the order it was written; empty where there is none (any more)."""
    columns = [column for column in run_journal.c if column.name != "id"]
    query = select(*columns).where(run_journal.c.run_id == run_id).order_by(run_journal.c.id)
    return [Portion(**row._mapping) for row in connection.execute(query)]


def journalled(connection: Connection, run_ids: Iterable[str]) -> set[str]:
    """Those of some runs that have a journal."""
    query = select(run_journal.c.run_id).where(run_journal.c.run_id.in_(list(run_ids))).distinct()
    return set(connection.execute(query).scalars())


def latest(connection: Connection, limit: int = 100) -> list[Run]:
    """The last runs that have a journal, the newest first."""
    found = select(run_journal.c.run_id).distinct()
    query = select(runs).where(runs.c.id.in_(found)).order_by(runs.c.started_at.desc(), runs.c.id).limit(limit)
    return [Run(**row._mapping) for row in connection.execute(query)]


def hand_over(connection: Connection, run_id: str, to: Run) -> bool:
    """Start a run that goes on with the journal of another; False when that one has none any more.

    Of two that want the same one, one gets it.
    """
    insert_new(connection, runs, [{"id": to.id, **_columns(to)}])
    moved = connection.execute(update(run_journal).where(run_journal.c.run_id == run_id).values(run_id=to.id))
    return moved.rowcount > 0


def _columns(run: Run) -> dict[str, object]:
    names = ("kind", "title", "check_mode", "hosts_total", "started_at")
    return {name: getattr(run, name) for name in names}


def drop(connection: Connection, run_id: str) -> None:
    """Forget the journal of a run that ended well."""
    connection.execute(delete(run_journal).where(run_journal.c.run_id == run_id))


def expire(connection: Connection, before: datetime, keep: int) -> None:
    """Forget journals that were last written before a moment, and all but some of the last ones."""
    last = func.max(run_journal.c.id)
    newest = select(run_journal.c.run_id).group_by(run_journal.c.run_id).order_by(last.desc()).limit(keep)
    written = func.max(run_journal.c.written_at)
    fresh = select(run_journal.c.run_id).group_by(run_journal.c.run_id).having(written >= before)
    connection.execute(
        delete(run_journal).where(
            run_journal.c.run_id.not_in(newest.scalar_subquery()) | run_journal.c.run_id.not_in(fresh.scalar_subquery())
        )
    )
