"""Queries about bootstrap tokens. Only the digest of a token's secret is ever stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from stella_ops.store.insertion import insert_new
from stella_ops.store.tables import token_keys, tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bootstrap token: what it may be used for, and how often it was.

    What an agent is to be (``platform`` to ``cluster_id``) is bound to it; None where it was minted without.
    """

    id: str
    secret_sha256: str = field(repr=False)
    agent_name: str
    environment: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    max_uses: int
    uses: int = 0
    revoked_at: datetime | None = None
    platform: str | None = None
    capabilities: Sequence[str] | None = None
    labels: Mapping[str, str] | None = None
    cluster_id: str | None = None


def add(connection: Connection, token: Token) -> None:
    """Record a new token."""
    connection.execute(insert(tokens).values(asdict(token)))


def get(connection: Connection, token_id: str, *, lock: bool = False) -> Token | None:
    """The token with this id. ``lock`` makes other exchanges of it wait until the transaction ends."""
    query = select(tokens).where(tokens.c.id == token_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _token(row)


def is_bound(connection: Connection, token_id: str, public_key_sha256: str) -> bool:
    """Tell whether the token was used for this public key before."""
    query = select(token_keys.c.bound_at).where(
        token_keys.c.token_id == token_id, token_keys.c.public_key_sha256 == public_key_sha256
    )
    return connection.execute(query).first() is not None


def bind(connection: Connection, token_id: str, public_key_sha256: str, at: datetime) -> bool:
    """Use the token up for a new public key. False when no use is left: someone else was first."""
    used = connection.execute(
        update(tokens)
        .where(tokens.c.id == token_id, tokens.c.uses < tokens.c.max_uses, tokens.c.revoked_at.is_(None))
        .values(uses=tokens.c.uses + 1)
    )
    if used.rowcount != 1:
        return False
    row = {"token_id": token_id, "public_key_sha256": public_key_sha256, "bound_at": at}
    insert_new(connection, token_keys, [row])
    return True


def revoke(connection: Connection, token_id: str, at: datetime) -> bool:
    """Make a token useless from now on; False when it is unknown or revoked already."""
    done = connection.execute(
        update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    return done.rowcount == 1


def valid(connection: Connection, now: datetime) -> list[Token]:
    """Tokens that could still be used for a new key, oldest first."""
    query = (
        select(tokens)
        .where(tokens.c.expires_at > now, tokens.c.revoked_at.is_(None), tokens.c.uses < tokens.c.max_uses)
        .order_by(tokens.c.created_at, tokens.c.id)
    )
    return [_token(row) for row in connection.execute(query)]


def minted_since(connection: Connection, agent_name: str, environment: str, since: datetime) -> list[Token]:
    """The tokens for an agent that were minted from a moment on, oldest first."""
    query = (
        select(tokens)
        .where(tokens.c.created_at >= since, tokens.c.agent_name == agent_name, tokens.c.environment == environment)
        .order_by(tokens.c.created_at, tokens.c.id)
    )
    return [_token(row) for row in connection.execute(query)]


def every(connection: Connection) -> list[Token]:
    """All tokens, oldest first."""
    return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.created_at, tokens.c.id))]


def keys_of(connection: Connection, token_id: str) -> list[str]:
    """Digests of the public keys that a token was used for, oldest first."""
    query = (
        select(token_keys.c.public_key_sha256)
        .where(token_keys.c.token_id == token_id)
        .order_by(token_keys.c.bound_at, token_keys.c.public_key_sha256)
    )
    return list(connection.execute(query).scalars())


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(**row._mapping)
