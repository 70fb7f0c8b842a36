"""Writes to the audit trail what people decide outside the other services: host keys accepted, a CA made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from stella_ops.pki.authority import CertificateAuthority
from stella_ops.store import audit
from stella_ops.store.database import Store


class AuditTrail:
    """Appends to the trail in the name of ``actor``."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime], actor: str) -> None:
        self._store = store
        self._clock = clock
        self._actor = actor

    def host_key_accepted(self, host: str, *, address: str, key_type: str, fingerprint: str) -> None:
        """A host's key, unknown until now, was accepted on the operator's word.

        Args:
            fingerprint: as OpenSSH shows it: ``SHA256:…``.
        """
        self.record(
            "hostkey.accept", host, {"address": address, "key_type": key_type, "fingerprint": fingerprint}
        )

    def authority_created(self, authority: CertificateAuthority) -> None:
        """A new certificate authority was made."""
        self.record(
            "ca.create", str(authority.folder), {"pin": authority.pin, "keys_encrypted": authority.encrypted}
        )

    def record(self, act: str, subject: str, detail: dict[str, object], *, outcome: str = "ok") -> None:
        """Append one entry; ``detail`` must hold no secret."""
        entry = audit.AuditEntry(
            time=self._clock(), actor=self._actor, act=act, subject=subject, outcome=outcome, detail=detail
        )
        with self._store.transaction() as connection:
            audit.record(connection, entry)
