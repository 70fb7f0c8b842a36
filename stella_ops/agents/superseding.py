"""Certificates that others have taken the place of, revoked once it is sure which one the host holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stella_ops.store import agents, audit, certificates
from stella_ops.store.database import Store


def revoke_lost(store: Store, agent_id: str, kept: Collection[str], *, now: datetime, actor: str) -> int:
    """Revoke an agent's certificates that never arrived, when runs were cut off; returns how many.

    Args:
        kept: the fingerprints of those that its host has, or had until now.
    """
    with store.transaction() as connection:
        lost = [
            certificate
            for certificate in certificates.of_agent(connection, agent_id)
            if certificate.revoked_at is None and certificate.fingerprint_sha256 not in kept
        ]
        for certificate in lost:
            _supersede(connection, certificate, now, actor)
    return len(lost)


def settle(store: Store, agent_id: str, fingerprint_sha256: str, *, now: datetime, actor: str) -> int:
    """The host holds this certificate: revoke those it takes the place of; returns how many.

    They are the agent's own older ones (among them one that never arrived, when a run was cut off), and those
    of an agent that the host was before under another name. Such an agent is no more: it is decommissioned.
    """
    with store.reading() as connection:
        if not certificates.replaced_by(connection, agent_id, fingerprint_sha256):
            return 0
    with store.transaction() as connection:
        replaced = certificates.replaced_by(connection, agent_id, fingerprint_sha256)
        for certificate in replaced:
            _supersede(connection, certificate, now, actor)
        for other_id in {certificate.agent_id for certificate in replaced} - {agent_id}:
            other = agents.get(connection, other_id, lock=True)
            left = [c for c in certificates.of_agent(connection, other_id) if c.revoked_at is None]
            if other is not None and other.decommissioned_at is None and not left:
                gone = replace(other, status="decommissioned", decommissioned_at=now)
                agents.save(connection, gone)
                detail: dict[str, Any] = {
                    "environment": other.environment,
                    "agent_id": other_id,
                    "became": agent_id,
                }
                _record(connection, now, actor, "agent.decommission", other.name, detail)
    return len(replaced)


def _supersede(connection: Connection, certificate: certificates.Certificate, now: datetime, actor: str) -> None:
    certificates.revoke(connection, certificate.serial, now, "superseded")
    detail = {"serial": certificate.serial, "agent_id": certificate.agent_id}
    _record(connection, now, actor, "certificate.revoke", certificate.subject, detail)


def _record(connection: Connection, now: datetime, actor: str, act: str, subject: str, detail: dict[str, Any]) -> None:
    audit.record(connection, audit.AuditEntry(time=now, actor=actor, act=act, subject=subject, detail=detail))
