"""Whether the identity that a host holds is good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from stella_ops.pki.authority import CertificateAuthority
from stella_ops.store import agents, certificates
from stella_ops.store.database import Store


def reason_to_enrol(
    store: Store,
    ca: CertificateAuthority,
    status: Mapping[str, Any],
    *,
    name: str,
    environment: str,
    now: datetime,
    renewal_threshold: timedelta = timedelta(days=7),
) -> str | None:
    """Why a host that gave ``status`` (an rpc result) must be enrolled; None when its identity is good.

    A certificate is due at the smaller of ``renewal_threshold`` and a third of its life before its end.
    """
    held = status.get("certificate")
    if not status.get("key"):
        return "the host has no key"
    if not isinstance(held, Mapping):
        return "the host has no certificate"
    with store.reading() as connection:
        agent = agents.find(connection, name, environment)
        record = certificates.by_fingerprint(connection, str(held.get("fingerprint_sha256")))
    if agent is None or agent.enrolled_at is None:
        return "the agent is not in the fleet store"
    if agent.decommissioned_at is not None:
        return "the agent was decommissioned"
    if record is None or record.agent_id != agent.id:
        return "the host's certificate is not one that this fleet issued to it"
    held_key = status.get("identity_public_key_sha256")
    if held_key and held_key != record.public_key_sha256:
        return "the host's certificate does not belong to its key"
    if record.revoked_at is not None:
        return "the host's certificate was revoked"
    if not ca.signed(record.chain_pem):
        return "the host's certificate is of another authority"
    due = min(renewal_threshold, (record.not_after - record.not_before) / 3)
    if record.not_after - now <= due:
        return "the host's certificate is about to expire"
    return None
