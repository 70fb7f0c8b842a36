"""The register of agents: what each was like when it was last visited."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from stella_ops.errors import EnrolmentError, UsageError
from stella_ops.spelling import did_you_mean
from stella_ops.store import agents, audit, certificates, heartbeats
from stella_ops.store.columns import iso_z
from stella_ops.store.database import Store

_HEX_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LARGEST_NUMBER = 2**31 - 1
MOST_HEARTBEATS = 1000
_LONGEST_HEARTBEAT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """An agent as people see it.

    ``status`` is healthy, degraded, stopped or unknown as of ``last_visit``, or decommissioned;
    ``last_visit_age`` is in seconds, None before the first visit. ``last_heartbeat`` is by the host's clock.
    """

    id: str
    name: str
    environment: str
    host: str
    ansible_host: str | None
    labels: Mapping[str, str]
    version: str | None
    status: str
    last_heartbeat: datetime | None
    last_visit: datetime | None
    last_visit_age: float | None
    enrolled_at: datetime | None
    certificate_expires_at: datetime | None
    certificate_fingerprint: str | None
    config_revision: int | None
    config_sha256: str | None
    decommissioned_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; moments as ISO 8601 text in UTC with ``Z``."""
        data: dict[str, Any] = {}
        for key in self.__slots__:
            value = getattr(self, key)
            if isinstance(value, datetime):
                value = iso_z(value)
            data[key] = dict(value) if isinstance(value, Mapping) else value
        return data


class AgentRegistry:
    """Reads and keeps the register."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def list(self, environment: str | None = None, *, include_decommissioned: bool = True) -> list[AgentView]:
        """All agents, or those of an environment, ordered by environment and name."""
        with self._store.reading() as connection:
            found = agents.every(connection, environment)
        return [self._view(agent) for agent in found if include_decommissioned or agent.decommissioned_at is None]

    def get(self, name_or_id: str, environment: str | None = None) -> AgentView:
        """One agent by its name or id.

        Raises:
            UsageError: there is none, or several environments have one of this name and none was given.
        """
        with self._store.reading() as connection:
            by_id = agents.get(connection, name_or_id)
            found = [by_id] if by_id else agents.named(connection, name_or_id)
            names = [agent.name for agent in agents.every(connection)] if not found else []
        found = [agent for agent in found if environment in (None, agent.environment)]
        if not found:
            raise UsageError(
                f"no agent is called '{name_or_id}'" + (f" in '{environment}'" if environment else ""),
                hint=did_you_mean(name_or_id, names) or "stella-ops agent list shows all",
            )
        if len(found) > 1:
            environments = ", ".join(agent.environment for agent in found)
            raise UsageError(
                f"several agents are called '{name_or_id}': in {environments}", hint="name the environment"
            )
        return self._view(found[0])

    def find(self, name: str, environment: str) -> AgentView | None:
        """The agent with this name in this environment, or None."""
        with self._store.reading() as connection:
            agent = agents.find(connection, name, environment)
        return None if agent is None else self._view(agent)

    def record_visit(
        self,
        agent_id: str,
        status: Mapping[str, Any],
        *,
        host: str | None = None,
        ansible_host: str | None = None,
    ) -> AgentView:
        """Record what an agent answered to the rpc method ``status``.

        Args:
            status: the answer. It comes from a host: what is malformed in it counts as not said.
            host: the inventory name it was visited under; ``ansible_host`` the address.

        Raises:
            EnrolmentError: (unknown_agent) no agent has this id.
        """
        beat = status.get("last_heartbeat")
        beat = beat if isinstance(beat, Mapping) else {}
        held = status.get("certificate")
        held = held if isinstance(held, Mapping) else {}
        with self._store.transaction() as connection:
            agent = agents.get(connection, agent_id, lock=True)
            if agent is None:
                raise _unknown(agent_id)
            seen = replace(
                agent,
                host=host or agent.host,
                ansible_host=ansible_host or agent.ansible_host,
                version=_word(status.get("version")),
                status="decommissioned" if agent.decommissioned_at else health_of(status),
                last_visit=self._clock(),
                last_heartbeat=_moment(beat.get("time")) or agent.last_heartbeat,
                config_revision=_number(status.get("config_revision")),
                config_sha256=_digest(status.get("config_sha256")),
                certificate_fingerprint=_digest(held.get("fingerprint_sha256")),
                certificate_expires_at=_moment(held.get("not_after")),
            )
            agents.save(connection, seen)
        return self._view(seen)

    def record_heartbeats(self, agent_id: str, beats: Iterable[Any], *, calling: bool = False) -> int:
        """Record heartbeats of the host's spool; returns how many were new.

        ``calling`` tells that the agent itself has just brought them: that is a visit, and the newest says how it is.
        Malformed ones are dropped, giants lose their data, and more than ``MOST_HEARTBEATS`` at once are left for
        the next visit: a host that is in other hands must not fill the store.
        """
        now = self._clock()
        read = []
        for beat in itertools.islice(beats, MOST_HEARTBEATS):
            moment = _moment(beat.get("time")) if isinstance(beat, Mapping) else None
            seq = _number(beat.get("seq")) if isinstance(beat, Mapping) else None
            if moment is not None and seq is not None:
                read.append(
                    heartbeats.Heartbeat(
                        agent_id=agent_id,
                        seq=seq,
                        time=moment,
                        received_at=now,
                        version=_word(beat.get("version")),
                        status=_word(beat.get("status"), 32) or "unknown",
                        data=dict(beat) if _fits(beat) else {},
                    )
                )
        with self._store.transaction() as connection:
            agent = agents.get(connection, agent_id, lock=True)
            if agent is None:
                raise _unknown(agent_id)
            new = heartbeats.record(connection, read)
            newest = max(read, key=lambda beat: beat.time, default=None)
            seen = replace(agent, last_visit=now) if calling else agent
            if newest is not None and (agent.last_heartbeat is None or newest.time > agent.last_heartbeat):
                seen = replace(seen, last_heartbeat=newest.time)
                if calling and agent.decommissioned_at is None and newest.status in ("healthy", "degraded"):
                    seen = replace(seen, status=newest.status, version=newest.version or agent.version)
            if seen != agent:
                agents.save(connection, seen)
        return new

    def last_heartbeat_seq(self, agent_id: str) -> int:
        """The number of the newest heartbeat known, to ask the host for those after it; 0 for none."""
        with self._store.reading() as connection:
            return heartbeats.last_seq(connection, agent_id)

    def decommission(self, agent_id: str, *, actor: str) -> AgentView:
        """Mark an agent decommissioned and its certificates revoked. Done again it changes nothing.

        Raises:
            EnrolmentError: (unknown_agent) no agent has this id.
        """
        now = self._clock()
        with self._store.transaction() as connection:
            agent = agents.get(connection, agent_id, lock=True)
            if agent is None:
                raise _unknown(agent_id)
            if agent.decommissioned_at is not None:
                return self._view(agent)
            gone = replace(agent, status="decommissioned", decommissioned_at=now, last_visit=now)
            agents.save(connection, gone)
            revoked = [
                certificate.serial
                for certificate in certificates.of_agent(connection, agent_id)
                if certificates.revoke(connection, certificate.serial, now, "cessation_of_operation")
            ]
            entry = audit.AuditEntry(
                time=now,
                actor=actor,
                act="agent.decommission",
                subject=agent.name,
                detail={"environment": agent.environment, "agent_id": agent_id, "revoked": revoked},
            )
            audit.record(connection, entry)
        return self._view(gone)

    def _view(self, agent: agents.Agent) -> AgentView:
        age = (self._clock() - agent.last_visit).total_seconds() if agent.last_visit else None
        return AgentView(
            id=agent.id,
            name=agent.name,
            environment=agent.environment,
            host=agent.host,
            ansible_host=agent.ansible_host,
            labels=agent.labels,
            version=agent.version,
            status=agent.status,
            last_heartbeat=agent.last_heartbeat,
            last_visit=agent.last_visit,
            last_visit_age=age,
            enrolled_at=agent.enrolled_at,
            certificate_expires_at=agent.certificate_expires_at,
            certificate_fingerprint=agent.certificate_fingerprint,
            config_revision=agent.config_revision,
            config_sha256=agent.config_sha256,
            decommissioned_at=agent.decommissioned_at,
        )


def health_of(status: Mapping[str, Any]) -> str:
    """healthy, degraded, stopped or unknown, from an rpc ``status``: running, and the last heartbeat."""
    if not status.get("running"):
        return "stopped"
    beat = status.get("last_heartbeat")
    said = beat.get("status") if isinstance(beat, Mapping) else None
    return said if said in ("healthy", "degraded") else "unknown"


def _unknown(agent_id: str) -> EnrolmentError:
    return EnrolmentError(
        f"no agent has the id {agent_id[:80]}",
        reason="unknown_agent",
        hint="enrol it: stella-ops play bootstrap.yml",
    )


def _word(value: Any, longest: int = 64) -> str | None:
    """Short printable text from a host, or None."""
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= longest else None


def _fits(beat: Mapping[str, Any]) -> bool:
    """Whether a heartbeat is JSON of the size that heartbeats have."""
    try:
        return len(json.dumps(dict(beat), allow_nan=False)) <= _LONGEST_HEARTBEAT
    except (TypeError, ValueError, RecursionError):
        return False


def _digest(value: Any) -> str | None:
    return value if isinstance(value, str) and _HEX_DIGEST.fullmatch(value) else None


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _LARGEST_NUMBER else None


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, TypeError, OverflowError):
        return None
