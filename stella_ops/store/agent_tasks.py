"""Queries about tasks that wait for agents to fetch them: requests of the agent's rpc, and the answers to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from stella_ops.store.tables import agent_tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTask:
    """A request for an agent. ``response`` is what its rpc answered: ``{"ok": true, "result"}`` or with ``error``."""

    id: str
    agent_id: str
    method: str
    params: Mapping[str, Any]
    created_at: datetime
    created_by: str
    fetched_at: datetime | None = None
    finished_at: datetime | None = None
    response: Mapping[str, Any] | None = None


def add(connection: Connection, task: AgentTask) -> None:
    """Record a task."""
    connection.execute(insert(agent_tasks).values(asdict(task)))


def waiting(
    connection: Connection, agent_id: str, *, created_after: datetime, fetched_before: datetime, limit: int
) -> list[AgentTask]:
    """An agent's tasks without answer, oldest first.

    Args:
        created_after: older ones have waited too long.
        fetched_before: those fetched since are being done.
    """
    query = (
        select(agent_tasks)
        .where(
            agent_tasks.c.agent_id == agent_id,
            agent_tasks.c.finished_at.is_(None),
            agent_tasks.c.created_at > created_after,
            or_(agent_tasks.c.fetched_at.is_(None), agent_tasks.c.fetched_at < fetched_before),
        )
        .order_by(agent_tasks.c.created_at, agent_tasks.c.id)
        .limit(limit)
    )
    return [_task(row) for row in connection.execute(query)]


def count_unfinished(connection: Connection, agent_id: str, *, created_after: datetime) -> int:
    """How many of an agent's tasks have no answer yet and may still get one."""
    query = select(func.count()).where(
        agent_tasks.c.agent_id == agent_id,
        agent_tasks.c.finished_at.is_(None),
        agent_tasks.c.created_at > created_after,
    )
    return int(connection.execute(query).scalar_one())


def fetched(connection: Connection, task_ids: list[str], at: datetime) -> None:
    """Record that an agent has fetched tasks."""
    connection.execute(update(agent_tasks).where(agent_tasks.c.id.in_(task_ids)).values(fetched_at=at))


def finish(connection: Connection, agent_id: str, task_id: str, response: Mapping[str, Any], at: datetime) -> bool:
    """Record an agent's answer; False when the task is unknown, another agent's, or has its answer already."""
    done = connection.execute(
        update(agent_tasks)
        .where(agent_tasks.c.id == task_id, agent_tasks.c.agent_id == agent_id, agent_tasks.c.finished_at.is_(None))
        .values(finished_at=at, response=dict(response))
    )
    return done.rowcount == 1


def recent(connection: Connection, agent_id: str, limit: int) -> list[AgentTask]:
    """The last tasks of an agent, newest first."""
    query = (
        select(agent_tasks)
        .where(agent_tasks.c.agent_id == agent_id)
        .order_by(agent_tasks.c.created_at.desc(), agent_tasks.c.id)
        .limit(limit)
    )
    return [_task(row) for row in connection.execute(query)]


def prune(connection: Connection, before: datetime) -> int:
    """Delete tasks made before a moment; returns how many."""
    return connection.execute(delete(agent_tasks).where(agent_tasks.c.created_at < before)).rowcount


def _task(row: Row[tuple[object, ...]]) -> AgentTask:
    return AgentTask(**row._mapping)
