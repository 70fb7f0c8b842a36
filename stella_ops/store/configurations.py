"""Queries about the revisions of agents' configurations, numbered from 1 for each agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from stella_ops.store.tables import agents, config_revisions


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigRevision:
    """One configuration that an agent was to have. ``sha256`` is of its canonical JSON."""

    agent_id: str
    revision: int
    sha256: str
    config: Mapping[str, Any]
    created_at: datetime
    created_by: str


def latest(connection: Connection, agent_id: str) -> ConfigRevision | None:
    """The newest revision of an agent."""
    query = (
        select(config_revisions)
        .where(config_revisions.c.agent_id == agent_id)
        .order_by(config_revisions.c.revision.desc())
        .limit(1)
    )
    return _revision(connection.execute(query).one_or_none())


def get(connection: Connection, agent_id: str, revision: int) -> ConfigRevision | None:
    """One revision of an agent."""
    query = select(config_revisions).where(
        config_revisions.c.agent_id == agent_id, config_revisions.c.revision == revision
    )
    return _revision(connection.execute(query).one_or_none())


def record(
    connection: Connection,
    agent_id: str,
    config: Mapping[str, Any],
    sha256: str,
    *,
    at: datetime,
    by: str,
) -> ConfigRevision:
    """The revision with this content: the newest one when it has it already, else a new one."""
    # Two controllers must not hand out the same number: the agent's row is their lock.
    connection.execute(select(agents.c.id).where(agents.c.id == agent_id).with_for_update())
    newest = latest(connection, agent_id)
    if newest is not None and newest.sha256 == sha256:
        return newest
    made = ConfigRevision(
        agent_id=agent_id,
        revision=newest.revision + 1 if newest else 1,
        sha256=sha256,
        config=dict(config),
        created_at=at,
        created_by=by,
    )
    connection.execute(
        insert(config_revisions).values(
            agent_id=made.agent_id,
            revision=made.revision,
            sha256=made.sha256,
            config=made.config,
            created_at=made.created_at,
            created_by=made.created_by,
        )
    )
    return made


def _revision(row: Row[tuple[object, ...]] | None) -> ConfigRevision | None:
    return None if row is None else ConfigRevision(**row._mapping)
