"""Takes back what a bootstrap that failed half-way did to the fleet store.

    take       what the store says of an agent before the bootstrap
    undo       certificates and tokens issued since are revoked; an agent that was made since is decommissioned

What the store remembers of it stays: the certificates, as revoked, and the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stella_ops.agents.tokens import count_failure
from stella_ops.store import agents, audit, certificates, tokens
from stella_ops.store.database import Store

# What of an agent's row belongs to its enrolment.
_MOMENTS = ("enrolled_at", "certificate_expires_at", "decommissioned_at")
_WORDS = ("status", "certificate_fingerprint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What was taken back: serials of certificates, ids of tokens, and whether the agent was decommissioned."""

    certificates: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    decommissioned: bool = False

    def __bool__(self) -> bool:
        return bool(self.certificates or self.tokens or self.decommissioned)


class UndoService:
    """Takes bootstraps back.

    Args:
        store: the fleet store.
        clock: gives the time, aware.
    """

    def __init__(self, store: Store, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def take(self, name: str, environment: str) -> dict[str, Any]:
        """What the store says of an agent now, as JSON data; nothing secret."""
        now = self._clock()
        with self._store.reading() as connection:
            agent = agents.find(connection, name, environment)
            valid = _valid(connection, agent.id) if agent is not None else []
        about: dict[str, Any] | None = None
        if agent is not None:
            about = {name: getattr(agent, name) for name in _WORDS}
            for moment in _MOMENTS:
                value = getattr(agent, moment)
                about[moment] = value.isoformat() if value is not None else None
        return {"at": now.isoformat(), "agent": about, "certificates": [c.serial for c in valid]}

    def is_superseded(self, before: Mapping[str, Any], fingerprint_sha256: str) -> bool:
        """Whether a certificate that was valid at ``take`` is revoked: the agent was seen to run with a later one."""
        with self._store.reading() as connection:
            held = certificates.by_fingerprint(connection, fingerprint_sha256)
        return held is not None and held.revoked_at is not None and held.serial in before["certificates"]

    def holder(self, fingerprint_sha256: str) -> str | None:
        """The name of the agent that a certificate is for; None for one that is not this fleet's."""
        with self._store.reading() as connection:
            held = certificates.by_fingerprint(connection, fingerprint_sha256)
            agent = agents.get(connection, held.agent_id) if held is not None else None
        return agent.name if agent is not None else None

    def undo(
        self,
        name: str,
        environment: str,
        before: Mapping[str, Any],
        *,
        actor: str,
        reason: str,
        held: str | None = None,
    ) -> Undone:
        """Bring what the store says of an agent back to what ``take`` gave. Done again it changes nothing.

        Args:
            actor: who bootstrapped; of the tokens minted since, only those that the actor pushed are revoked.
            reason: why, for the audit trail.
            held: the fingerprint of a certificate issued since that the host keeps. When it is this agent's, no
                certificate is revoked, and the agent stays enrolled.
        """
        now = self._clock()
        with self._store.transaction() as connection:
            agent = agents.find(connection, name, environment, lock=True)
            if agent is None:
                return Undone()
            unused = tuple(
                token.id
                for token in tokens.minted_since(connection, name, environment, datetime.fromisoformat(before["at"]))
                if token.created_by == actor and token.platform is None and tokens.revoke(connection, token.id, now)
            )
            kept = certificates.by_fingerprint(connection, held) if held is not None else None
            keep_identity = kept is not None and kept.agent_id == agent.id
            issued: tuple[str, ...] = ()
            if not keep_identity:
                issued = tuple(
                    certificate.serial
                    for certificate in _valid(connection, agent.id)
                    if certificate.serial not in before["certificates"]
                    and certificates.revoke(connection, certificate.serial, now, "cessation_of_operation")
                )
            restored = agent if keep_identity else _as_before(agent, before["agent"], now)
            if restored != agent:
                agents.save(connection, restored)
            gone = restored.decommissioned_at is not None and agent.decommissioned_at is None
            undone = Undone(certificates=issued, tokens=unused, decommissioned=gone)
            if undone:
                self._record(connection, agent, undone, now, actor, reason)
        return undone

    def _record(
        self, connection: Connection, agent: agents.Agent, undone: Undone, now: datetime, actor: str, reason: str
    ) -> None:
        detail: dict[str, Any] = {
            "environment": agent.environment,
            "agent_id": agent.id,
            "reason": reason,
            "revoked": list(undone.certificates),
            "tokens": list(undone.tokens),
        }
        acts = ["bootstrap.undo"] + (["agent.decommission"] if undone.decommissioned else [])
        for act in acts:
            audit.record(
                connection, audit.AuditEntry(time=now, actor=actor, act=act, subject=agent.name, detail=detail)
            )
        count_failure(connection, agent.environment, "undone")


def _valid(connection: Connection, agent_id: str) -> list[certificates.Certificate]:
    return [c for c in certificates.of_agent(connection, agent_id) if c.revoked_at is None]


def _as_before(agent: agents.Agent, before: Mapping[str, Any] | None, now: datetime) -> agents.Agent:
    if before is None:
        if agent.decommissioned_at is not None:
            return agent
        return replace(
            agent,
            status="decommissioned",
            decommissioned_at=now,
            certificate_fingerprint=None,
            certificate_expires_at=None,
        )
    moments = {name: datetime.fromisoformat(before[name]) if before[name] else None for name in _MOMENTS}
    return replace(
        agent,
        status=before["status"],
        certificate_fingerprint=before["certificate_fingerprint"],
        enrolled_at=moments["enrolled_at"],
        certificate_expires_at=moments["certificate_expires_at"],
        decommissioned_at=moments["decommissioned_at"],
    )
