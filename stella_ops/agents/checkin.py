"""What an agent that calls in says and asks: register, heartbeat, configuration, certificate, tasks, logs.

Each method is for an agent that has been recognised by its certificate. What it sends is a host's: what is malformed
in it counts as not said, and none of it can grow without bound.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stella_ops.agents.configuration import ConfigurationService
from stella_ops.agents.enrolment import Enrolment, EnrolmentService
from stella_ops.agents.registry import AgentRegistry
from stella_ops.agents.superseding import settle
from stella_ops.errors import EnrolmentError, UsageError
from stella_ops.store import agent_logs, agent_tasks, agents, audit, certificates, configurations
from stella_ops.store.database import Store

# Requests of the agent's rpc that may travel by pull: those that change nothing on the host.
TASK_METHODS = ("version", "status", "heartbeats", "logs")
MOST_WAITING_TASKS = 100
_TASKS_AT_ONCE = 20
# A task that was fetched and not answered in this time is given out again: the agent may have been cut off.
_TASK_AGAIN = timedelta(minutes=5)
_TASK_LIFE = timedelta(days=1)
_LONGEST_LOG_ENTRY = 16 * 1024
_LONGEST_RESPONSE = 1024 * 1024
_KEPT_LOG_ENTRIES = 10_000
_LEVELS = ("debug", "info", "warning", "error", "critical")
_LARGEST_SEQ = 2**53
_MOST_PROBLEMS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAgent:
    """An agent that was recognised by its certificate."""

    agent_id: str
    name: str
    environment: str
    fingerprint_sha256: str

    @property
    def actor(self) -> str:
        """Its name for the audit trail."""
        return f"agent:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The newest configuration that an agent is to have, and what it hears of it when it calls in."""

    revision: int
    sha256: str
    config: Mapping[str, Any]


class CheckinService:
    """Answers agents.

    Args:
        store: the fleet store.
        clock: gives the time, aware.
        random: gives that many random bytes; tasks' ids are made of them.
    """

    def __init__(
        self,
        store: Store,
        registry: AgentRegistry,
        enrolment: EnrolmentService,
        configurations: ConfigurationService,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._registry = registry
        self._enrolment = enrolment
        self._configurations = configurations
        self._clock = clock
        self._random = random

    def recognise(self, fingerprint_sha256: str) -> KnownAgent | None:
        """The agent whose certificate has this fingerprint; None when it is unknown, revoked or over."""
        now = self._clock()
        with self._store.reading() as connection:
            held = certificates.by_fingerprint(connection, fingerprint_sha256)
            agent = agents.get(connection, held.agent_id) if held is not None else None
        if held is None or agent is None or held.revoked_at is not None or now >= held.not_after:
            return None
        if agent.decommissioned_at is not None:
            return None
        return KnownAgent(
            agent_id=agent.id,
            name=agent.name,
            environment=agent.environment,
            fingerprint_sha256=fingerprint_sha256,
        )

    def register(self, agent: KnownAgent, status: Mapping[str, Any], *, version: str, python: str) -> Desired:
        """An agent has called: the certificates that the one it shows replaces are revoked.

        Agents call again after each outage; the audit trail tells only of another version or certificate.

        Args:
            status: its rpc's answer to ``status``.
        """
        self._registry.record_visit(agent.agent_id, {**status, "version": version})
        settle(self._store, agent.agent_id, agent.fingerprint_sha256, now=self._clock(), actor=agent.actor)
        detail = {
            "environment": agent.environment,
            "agent_id": agent.agent_id,
            "version": version,
            "python": python,
            "fingerprint_sha256": agent.fingerprint_sha256,
        }
        act = "agent.register"
        with self._store.reading() as connection:
            before = audit.entries(connection, act=act, subject=agent.name, limit=1)
        if not before or before[-1].detail != detail:
            with self._store.transaction() as connection:
                entry = audit.AuditEntry(
                    time=self._clock(), actor=agent.actor, act=act, subject=agent.name, detail=detail
                )
                audit.record(connection, entry)
        return self.desired(agent)

    def heartbeat(self, agent: KnownAgent, beats: Sequence[Any]) -> tuple[int, int]:
        """Record heartbeats.

        Returns:
            the number of the newest heartbeat known, and how many tasks wait for the agent.
        """
        self._registry.record_heartbeats(agent.agent_id, beats, calling=True)
        with self._store.reading() as connection:
            oldest = self._clock() - _TASK_LIFE
            waiting = agent_tasks.count_unfinished(connection, agent.agent_id, created_after=oldest)
        return self._registry.last_heartbeat_seq(agent.agent_id), waiting

    def desired(self, agent: KnownAgent) -> Desired:
        """The configuration that the agent is to have; the defaults, when nobody has said anything yet."""
        newest = self._configurations.latest(agent.agent_id)
        if newest is not None:
            return Desired(revision=newest.revision, sha256=newest.sha256, config=newest.config)
        made = self._configurations.desire(agent.agent_id, None, actor=agent.actor)
        return Desired(revision=made.revision, sha256=made.sha256, config=made.config)

    def configured(
        self, agent: KnownAgent, *, revision: int, sha256: str, applied: bool, problems: Sequence[Any] = ()
    ) -> None:
        """What became of a configuration on the host.

        Raises:
            UsageError: no revision of this number with this digest was made for the agent.
        """
        now = self._clock()
        with self._store.transaction() as connection:
            found = configurations.get(connection, agent.agent_id, revision)
            if found is None or found.sha256 != sha256:
                raise UsageError(f"revision {revision} with this digest is not one of this agent's")
            record = agents.get(connection, agent.agent_id, lock=True)
            assert record is not None  # it was recognised; agents are never deleted
            told = record.config_revision == revision and record.config_sha256 == sha256
            if applied and not told:
                agents.save(connection, replace(record, config_revision=revision, config_sha256=sha256))
            detail: dict[str, Any] = {
                "environment": agent.environment,
                "agent_id": agent.agent_id,
                "revision": revision,
                "sha256": sha256,
            }
            if not applied:
                detail["problems"] = [_line(problem) for problem in problems[:_MOST_PROBLEMS]]
            if not applied or not told:
                entry = audit.AuditEntry(
                    time=now,
                    actor=agent.actor,
                    act="config.push",
                    subject=agent.name,
                    outcome="ok" if applied else "refused",
                    detail=detail,
                )
                audit.record(connection, entry)

    def renew(self, agent: KnownAgent, proof: Mapping[str, Any]) -> Enrolment:
        """A new certificate; the one that the agent has is good until it registers with the new one.

        Raises:
            PkiError, EnrolmentError: as ``EnrolmentService.renew``.
        """
        return self._enrolment.renew(proof, agent.fingerprint_sha256, actor=agent.actor)

    # -- tasks

    def request(self, agent_id: str, method: str, params: Mapping[str, Any], *, by: str) -> agent_tasks.AgentTask:
        """Have an agent asked something when it next calls in.

        Raises:
            UsageError: the method cannot travel so.
            EnrolmentError: (unknown_agent, decommissioned, too_many_tasks) the agent cannot take it.
        """
        if method not in TASK_METHODS:
            raise UsageError(f"'{method[:64]}' is no method for this", hint="known: " + ", ".join(TASK_METHODS))
        now = self._clock()
        task = agent_tasks.AgentTask(
            id=str(uuid.UUID(bytes=self._random(16), version=4)),
            agent_id=agent_id,
            method=method,
            params=dict(params),
            created_at=now,
            created_by=by,
        )
        with self._store.transaction() as connection:
            agent = agents.get(connection, agent_id, lock=True)
            if agent is None or agent.decommissioned_at is not None:
                reason = "unknown_agent" if agent is None else "decommissioned"
                raise EnrolmentError(f"no agent with the id {agent_id[:80]} takes tasks", reason=reason)
            if agent_tasks.count_unfinished(connection, agent_id, created_after=now - _TASK_LIFE) >= MOST_WAITING_TASKS:
                raise EnrolmentError(
                    f"{MOST_WAITING_TASKS} tasks wait for this agent already",
                    reason="too_many_tasks",
                    hint="does it call in? see its last heartbeat",
                )
            agent_tasks.add(connection, task)
        return task

    def fetch(self, agent: KnownAgent) -> list[agent_tasks.AgentTask]:
        """The tasks that wait for an agent; each is given out again while there is no answer to it."""
        now = self._clock()
        search = {"created_after": now - _TASK_LIFE, "fetched_before": now - _TASK_AGAIN, "limit": _TASKS_AT_ONCE}
        with self._store.reading() as connection:
            if not agent_tasks.waiting(connection, agent.agent_id, **search):  # type: ignore[arg-type]
                return []
        with self._store.transaction() as connection:
            agents.get(connection, agent.agent_id, lock=True)
            found = agent_tasks.waiting(connection, agent.agent_id, **search)  # type: ignore[arg-type]
            agent_tasks.fetched(connection, [task.id for task in found], now)
        return found

    def finish(self, agent: KnownAgent, results: Sequence[tuple[str, Mapping[str, Any]]]) -> int:
        """Record answers to tasks, by the tasks' ids; returns how many were waited for."""
        now = self._clock()
        accepted = 0
        with self._store.transaction() as connection:
            for task_id, response in results:
                kept = response if _size(response) <= _LONGEST_RESPONSE else _too_long()
                accepted += agent_tasks.finish(connection, agent.agent_id, task_id, kept, now)
        return accepted

    # -- logs

    def log(self, agent: KnownAgent, entries: Sequence[Any]) -> tuple[int, int]:
        """Record log entries; the newest ten thousand of an agent are kept.

        Returns:
            how many were new, and the highest number among those that were understood (0 for none).
        """
        now = self._clock()
        read = [entry for entry in (_log_entry(agent.agent_id, given, now) for given in entries) if entry is not None]
        with self._store.transaction() as connection:
            new = agent_logs.record(connection, read)
            if new:
                agent_logs.keep_last(connection, agent.agent_id, _KEPT_LOG_ENTRIES)
        return new, max((entry.seq for entry in read), default=0)


def _log_entry(agent_id: str, given: Any, now: datetime) -> agent_logs.LogEntry | None:
    if not isinstance(given, Mapping):
        return None
    seq, event, level, moment = given.get("seq"), given.get("event"), given.get("level"), given.get("time")
    if type(seq) is not int or not 0 <= seq <= _LARGEST_SEQ or not isinstance(moment, str):
        return None
    try:
        time = datetime.fromisoformat(moment)
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    if not isinstance(event, str) or not event:
        return None
    data = {key: value for key, value in given.items() if key not in ("seq", "time", "level", "event")}
    return agent_logs.LogEntry(
        agent_id=agent_id,
        seq=seq,
        time=time,
        received_at=now,
        level=level if level in _LEVELS else "info",
        event=_line(event[:128]),
        data=data if _size(data) <= _LONGEST_LOG_ENTRY else {"left_out": "the entry is too long"},
    )


def _line(text: Any, longest: int = 300) -> str:
    """A host's text as one printable line that is not long."""
    return "".join(character if character.isprintable() else "?" for character in str(text)[:longest])


def _size(value: Any) -> int:
    try:
        return len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return 2**62


def _too_long() -> dict[str, Any]:
    message = "the answer was left out: it was too long"
    return {"ok": False, "error": {"code": "too-long", "message": message, "hint": None}}
