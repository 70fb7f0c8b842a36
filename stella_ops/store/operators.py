"""Queries about operators: who may ask the orchestrator, by an API key or a certificate."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from stella_ops.store.tables import operators


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator. ``kind`` is api_key, with the digest of its secret, or certificate, with its fingerprint.

    ``role`` is viewer, operator or admin.
    """

    id: str
    name: str
    role: str
    kind: str
    created_at: datetime
    created_by: str
    secret_sha256: str | None = field(default=None, repr=False)
    certificate_fingerprint: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


def add(connection: Connection, operator: Operator) -> None:
    """Record a new operator."""
    connection.execute(insert(operators).values(asdict(operator)))


def get(connection: Connection, operator_id: str) -> Operator | None:
    """The operator with this id."""
    return _one(connection.execute(select(operators).where(operators.c.id == operator_id)).one_or_none())


def by_fingerprint(connection: Connection, fingerprint_sha256: str) -> Operator | None:
    """The operator whose certificate has this fingerprint."""
    query = select(operators).where(operators.c.certificate_fingerprint == fingerprint_sha256)
    return _one(connection.execute(query).one_or_none())


def every(connection: Connection) -> list[Operator]:
    """All operators, in the order they were added."""
    query = select(operators).order_by(operators.c.created_at, operators.c.id)
    return [Operator(**row._mapping) for row in connection.execute(query)]


def revoke(connection: Connection, operator_id: str, at: datetime) -> bool:
    """Let an operator in no more; False when it is unknown or was revoked before."""
    done = connection.execute(
        update(operators).where(operators.c.id == operator_id, operators.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    return done.rowcount == 1


def used(connection: Connection, operator_id: str, at: datetime) -> None:
    """Record when an operator was last let in."""
    connection.execute(update(operators).where(operators.c.id == operator_id).values(last_used_at=at))


def _one(row: Row[tuple[object, ...]] | None) -> Operator | None:
    return None if row is None else Operator(**row._mapping)
