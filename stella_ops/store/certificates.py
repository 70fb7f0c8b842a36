"""Queries about certificates that the fleet's authority issued."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from stella_ops.store.tables import certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An issued certificate. ``serial`` is hex; the digests are of the DER certificate and of the SPKI."""

    serial: str
    agent_id: str
    subject: str
    fingerprint_sha256: str
    public_key_sha256: str
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    chain_pem: str
    token_id: str | None = None
    revoked_at: datetime | None = None
    revocation_reason: str | None = None


def add(connection: Connection, certificate: Certificate) -> None:
    """Record a certificate just issued."""
    connection.execute(insert(certificates).values(asdict(certificate)))


def issued_for(connection: Connection, token_id: str, public_key_sha256: str) -> Certificate | None:
    """The certificate that this token already brought this key."""
    query = select(certificates).where(
        certificates.c.token_id == token_id, certificates.c.public_key_sha256 == public_key_sha256
    )
    return _one(connection.execute(query).one_or_none())


def get(connection: Connection, serial: str) -> Certificate | None:
    """The certificate with this serial, in hex."""
    return _one(connection.execute(select(certificates).where(certificates.c.serial == serial)).one_or_none())


def by_fingerprint(connection: Connection, fingerprint_sha256: str) -> Certificate | None:
    """The certificate with this fingerprint."""
    query = select(certificates).where(certificates.c.fingerprint_sha256 == fingerprint_sha256)
    return _one(connection.execute(query).one_or_none())


def of_agent(connection: Connection, agent_id: str) -> list[Certificate]:
    """All certificates of an agent, newest first."""
    query = (
        select(certificates)
        .where(certificates.c.agent_id == agent_id)
        .order_by(certificates.c.issued_at.desc(), certificates.c.serial)
    )
    return [Certificate(**row._mapping) for row in connection.execute(query)]


def valid_for_key(connection: Connection, public_key_sha256: str) -> list[Certificate]:
    """The certificates for this key that are not revoked, newest first."""
    query = (
        select(certificates)
        .where(certificates.c.public_key_sha256 == public_key_sha256, certificates.c.revoked_at.is_(None))
        .order_by(certificates.c.issued_at.desc(), certificates.c.serial)
    )
    return [Certificate(**row._mapping) for row in connection.execute(query)]


def replaced_by(connection: Connection, agent_id: str, fingerprint_sha256: str) -> list[Certificate]:
    """The valid certificates that one of an agent's takes the place of: its other ones, and those for its key."""
    held = by_fingerprint(connection, fingerprint_sha256)
    if held is None or held.agent_id != agent_id or held.revoked_at is not None:
        return []
    own = [c for c in of_agent(connection, agent_id) if c.revoked_at is None]
    others = valid_for_key(connection, held.public_key_sha256)
    return list({c.serial: c for c in (*own, *others) if c.serial != held.serial}.values())


def revoke(connection: Connection, serial: str, at: datetime, reason: str) -> bool:
    """Mark a certificate revoked; False when it is unknown or was revoked before."""
    done = connection.execute(
        update(certificates)
        .where(certificates.c.serial == serial, certificates.c.revoked_at.is_(None))
        .values(revoked_at=at, revocation_reason=reason)
    )
    return done.rowcount == 1


def _one(row: Row[tuple[object, ...]] | None) -> Certificate | None:
    return None if row is None else Certificate(**row._mapping)
