"""The audit trail: every security-relevant act, appended and never changed.

Acts are dotted words: ``token.mint``, ``token.exchange``, ``token.revoke``, ``agent.enrol`` (refused proofs),
``certificate.issue``, ``certificate.renew``, ``agent.register`` (with another version or certificate),
``agent.decommission``, ``operator.add``, ``operator.revoke``, ``ca.create``, ``config.revise`` (a new revision in the
store), ``config.push`` (an agent has taken it); of SSH host keys ``host-key.accept`` (with --accept-new-host-keys),
``host-key.approve``, ``host-key.pin``, ``host-key.replace``, ``host-key.unpin``, ``host-key.revoke``, and
``host-key.refuse`` (a host showed another key than the one on record).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from stella_ops.store.tables import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act. ``outcome`` is "ok" or "refused"; ``detail`` holds no secret."""

    time: datetime
    actor: str
    act: str
    subject: str
    outcome: str = "ok"
    detail: Mapping[str, Any] = field(default_factory=dict)


def record(connection: Connection, entry: AuditEntry) -> None:
    """Append an entry; it stands or falls with the transaction it tells of."""
    connection.execute(insert(audit).values(asdict(entry)))


def entries(
    connection: Connection, *, act: str | None = None, subject: str | None = None, limit: int | None = None
) -> list[AuditEntry]:
    """Entries in the order they were made, of an act or about a subject if given; ``limit``: the last."""
    query = select(*[c for c in audit.c if c.name != "id"]).order_by(audit.c.id.desc())
    if act is not None:
        query = query.where(audit.c.act == act)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    if limit is not None:
        query = query.limit(limit)
    return [AuditEntry(**row._mapping) for row in connection.execute(query)][::-1]
