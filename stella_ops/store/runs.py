"""Queries about runs of playbooks, modules and the doctor, and what each task brought on each host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from stella_ops.store.insertion import insert_new
from stella_ops.store.tables import runs, task_results


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run. Without ``finished_at`` it goes on, or was killed. ``hosts`` holds the recap's counts."""

    id: str
    kind: str
    title: str
    check_mode: bool
    hosts_total: int
    started_at: datetime
    finished_at: datetime | None = None
    exit_code: int | None = None
    interrupted: bool | None = None
    hosts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """What a task brought on one host. ``duration`` in seconds; ``result`` is redacted, perhaps shortened."""

    run_id: str
    task_id: int
    play: str | None
    task: str
    action: str | None
    host: str
    status: str
    finished_at: datetime
    duration: float
    result: Mapping[str, Any]
    hint: str | None = None
    delegate: str | None = None


def start(connection: Connection, run: Run) -> None:
    """Record a run that begins."""
    insert_new(connection, runs, [asdict(run)])


def add_results(connection: Connection, results: Sequence[TaskResult]) -> None:
    """Record results of tasks of a run that was started."""
    if results:
        connection.execute(insert(task_results), [asdict(result) for result in results])


def finish(
    connection: Connection,
    run_id: str,
    *,
    at: datetime,
    exit_code: int,
    interrupted: bool,
    hosts: Mapping[str, Any],
) -> None:
    """Record the end of a run."""
    values = {"finished_at": at, "exit_code": exit_code, "interrupted": interrupted, "hosts": dict(hosts)}
    connection.execute(update(runs).where(runs.c.id == run_id).values(values))


def get(connection: Connection, run_id: str) -> Run | None:
    """The run with this id."""
    row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    return None if row is None else Run(**row._mapping)


def recent(connection: Connection, limit: int = 20) -> list[Run]:
    """The last runs, newest first."""
    query = select(runs).order_by(runs.c.started_at.desc(), runs.c.id).limit(limit)
    return [Run(**row._mapping) for row in connection.execute(query)]


def like(connection: Connection, *, kind: str, title: str, check: bool, hosts: int) -> Run | None:
    """The last run that was the same and went through; one on as many hosts comes before others."""
    query = (
        select(runs)
        .where(runs.c.kind == kind, runs.c.title == title, runs.c.check_mode == check, runs.c.exit_code == 0)
        .order_by(runs.c.started_at.desc(), runs.c.id)
        .limit(20)
    )
    found = [Run(**row._mapping) for row in connection.execute(query)]
    return min(found, key=lambda run: abs(run.hosts_total - hosts), default=None)


def ends(connection: Connection, run_id: str, most: int = 500) -> list[datetime]:
    """When the tasks of a run ended on its hosts, in order; of many, an even selection."""
    counted = select(func.count()).select_from(task_results).where(task_results.c.run_id == run_id)
    step = connection.execute(counted).scalar_one() // most + 1
    query = select(task_results.c.finished_at).where(task_results.c.run_id == run_id, task_results.c.id % step == 0)
    return sorted(row.finished_at for row in connection.execute(query))


def matching(connection: Connection, name: str) -> list[Run]:
    """The runs whose ids begin with a text, two at the most; "last" is the newest of all."""
    if name == "last":
        return recent(connection, 1)
    query = select(runs).where(runs.c.id.startswith(name, autoescape=True)).order_by(runs.c.id).limit(2)
    return [Run(**row._mapping) for row in connection.execute(query)]


def results(connection: Connection, run_id: str, host: str | None = None) -> list[TaskResult]:
    """The results of a run, of all hosts or one, in the order they came."""
    columns = [c for c in task_results.c if c.name != "id"]
    query = select(*columns).where(task_results.c.run_id == run_id).order_by(task_results.c.id)
    if host is not None:
        query = query.where(task_results.c.host == host)
    return [TaskResult(**row._mapping) for row in connection.execute(query)]
