"""Which public keys the fleet's orchestrators answer with, so that installers made on any machine can pin them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from stella_ops.store.insertion import insert_new
from stella_ops.store.tables import orchestrators


def seen(connection: Connection, url: str, public_key_sha256: str, at: datetime) -> None:
    """Record that an orchestrator answers at ``url`` with the key of this digest (hex, of its SPKI)."""
    row = {"url": url, "public_key_sha256": public_key_sha256, "seen_at": at}
    if not insert_new(connection, orchestrators, [row]):
        connection.execute(
            update(orchestrators)
            .where(orchestrators.c.url == url, orchestrators.c.public_key_sha256 == public_key_sha256)
            .values(seen_at=at)
        )


def pins(connection: Connection, url: str) -> list[str]:
    """The digests (hex) of the keys that answer at ``url``, the one seen last first."""
    query = (
        select(orchestrators.c.public_key_sha256)
        .where(orchestrators.c.url == url)
        .order_by(orchestrators.c.seen_at.desc(), orchestrators.c.public_key_sha256)
    )
    return list(connection.execute(query).scalars())


def forget(connection: Connection, url: str, public_key_sha256: str) -> bool:
    """Strike a key off, when its orchestrator is no more; False when it was not there."""
    done = connection.execute(
        delete(orchestrators).where(orchestrators.c.url == url, orchestrators.c.public_key_sha256 == public_key_sha256)
    )
    return done.rowcount == 1
