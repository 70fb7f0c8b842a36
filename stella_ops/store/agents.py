"""Queries about agents: one row for each name in an environment, kept when the agent is decommissioned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, func, select, update

from stella_ops.store.insertion import insert_new
from stella_ops.store.tables import agents


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent as last seen.

    ``host`` is its inventory name, ``ansible_host`` the address used. ``status`` is one of unknown, healthy,
    degraded, stopped, decommissioned. The certificate's fingerprint is that of the leaf's DER form.
    """

    id: str
    name: str
    environment: str
    host: str
    created_at: datetime
    ansible_host: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    status: str = "unknown"
    enrolled_at: datetime | None = None
    last_visit: datetime | None = None
    last_heartbeat: datetime | None = None
    config_revision: int | None = None
    config_sha256: str | None = None
    certificate_fingerprint: str | None = None
    certificate_expires_at: datetime | None = None
    decommissioned_at: datetime | None = None


def add(connection: Connection, agent: Agent) -> Agent:
    """Record a new agent, or return the one that has its name and environment already (locked)."""
    insert_new(connection, agents, [asdict(agent)])
    found = find(connection, agent.name, agent.environment, lock=True)
    assert found is not None
    return found


def get(connection: Connection, agent_id: str, *, lock: bool = False) -> Agent | None:
    """The agent with this id. ``lock`` keeps others from changing it until the transaction ends."""
    query = select(agents).where(agents.c.id == agent_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _agent(row)


def find(connection: Connection, name: str, environment: str, *, lock: bool = False) -> Agent | None:
    """The agent with this name in this environment; ``lock`` as for ``get``."""
    query = select(agents).where(agents.c.name == name, agents.c.environment == environment)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _agent(row)


def named(connection: Connection, name: str) -> list[Agent]:
    """The agents of this name, in any environment, ordered by environment."""
    query = select(agents).where(agents.c.name == name).order_by(agents.c.environment)
    return [_agent(row) for row in connection.execute(query)]


def every(connection: Connection, environment: str | None = None) -> list[Agent]:
    """All agents, or those of an environment, ordered by environment and name."""
    query = select(agents).order_by(agents.c.environment, agents.c.name)
    if environment is not None:
        query = query.where(agents.c.environment == environment)
    return [_agent(row) for row in connection.execute(query)]


def tally(connection: Connection) -> dict[tuple[str, str], int]:
    """How many agents there are of each environment and status."""
    query = select(agents.c.environment, agents.c.status, func.count()).group_by(agents.c.environment, agents.c.status)
    return {(environment, status): number for environment, status, number in connection.execute(query)}


def save(connection: Connection, agent: Agent) -> None:
    """Write back a changed agent that was read with ``lock``."""
    connection.execute(update(agents).where(agents.c.id == agent.id).values(asdict(agent)))


def _agent(row: Row[tuple[object, ...]]) -> Agent:
    return Agent(**row._mapping)
