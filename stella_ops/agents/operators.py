"""Operators: people and programs that may ask the orchestrator, and what they may.

An API key is ``<id>.<secret>``: 16 hex digits that name it, and 256 random bits in base64url that prove it. The
store keeps the secret's SHA-256 only. An operator certificate is issued by the fleet's authority for a request (CSR)
that the operator makes; what it may do stands in the store, so that it can be taken away.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from stella_ops.agents.names import check_name
from stella_ops.errors import EnrolmentError, UsageError
from stella_ops.pki.authority import OPERATOR_VALIDITY, CertificateAuthority
from stella_ops.pki.requests import verify_pkcs10
from stella_ops.store import audit, operators
from stella_ops.store.database import Store

_FORM = re.compile(r"([0-9a-f]{16})\.([A-Za-z0-9_-]{43})", re.ASCII)
# Being used is written down, but not each time: that would make every question a write.
_USED_AGAIN = timedelta(minutes=5)


class Role(StrEnum):
    """What an operator may do; each role may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what ``other`` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key just made. ``value`` is the only copy of the secret: it is in no store, log or ``repr``."""

    operator: operators.Operator
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OperatorCertificate:
    """A certificate just issued: its chain, leaf first, and the authority's root, both PEM."""

    operator: operators.Operator
    chain_pem: str
    ca_pem: str


class OperatorService:
    """Adds, revokes and recognises operators.

    Args:
        store: the fleet store.
        authority: gives the authority, when a certificate is to be issued.
        clock: gives the time, aware.
        random: gives that many random bytes, unpredictable.
    """

    def __init__(
        self,
        store: Store,
        *,
        authority: Callable[[], CertificateAuthority],
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._authority = authority
        self._clock = clock
        self._random = random

    def add_key(self, name: str, role: Role, *, by: str, ttl: timedelta | None = None) -> ApiKey:
        """Make an API key.

        Args:
            ttl: after which it is good no more; for ever by default.

        Raises:
            EnrolmentError: (bad_name, bad_ttl) the name cannot be one, or the time is none.
        """
        now = self._check(name, ttl)
        secret = base64.urlsafe_b64encode(self._random(32)).rstrip(b"=").decode()
        made = operators.Operator(
            id=self._random(8).hex(),
            name=name,
            role=role.value,
            kind="api_key",
            secret_sha256=_digest(secret),
            created_at=now,
            created_by=by,
            expires_at=now + ttl if ttl is not None else None,
        )
        self._add(made)
        return ApiKey(made, f"{made.id}.{secret}")

    def add_certificate(
        self, name: str, role: Role, csr_pem: str, *, by: str, ttl: timedelta = OPERATOR_VALIDITY
    ) -> OperatorCertificate:
        """Issue an operator's certificate.

        Args:
            csr_pem: a PKCS #10 request whose common name is ``name``.

        Raises:
            PkiError: the request is malformed or for another name.
            EnrolmentError: (bad_name, bad_ttl) as ``add_key``.
        """
        now = self._check(name, ttl)
        key = verify_pkcs10(csr_pem, name)
        operator_id = self._random(8).hex()
        authority = self._authority()
        issued = authority.issue_operator_certificate(key, operator_id=operator_id, name=name, now=now, validity=ttl)
        made = operators.Operator(
            id=operator_id,
            name=name,
            role=role.value,
            kind="certificate",
            certificate_fingerprint=issued.fingerprint_sha256,
            created_at=now,
            created_by=by,
            expires_at=issued.not_after,
        )
        self._add(made)
        return OperatorCertificate(made, issued.pem, authority.root_pem)

    def list(self) -> list[operators.Operator]:
        """All operators, those revoked too, in the order they were added."""
        with self._store.reading() as connection:
            return operators.every(connection)

    def revoke(self, operator_id: str, *, by: str) -> bool:
        """Let an operator in no more; False when that was done before.

        Raises:
            UsageError: no operator has this id.
        """
        now = self._clock()
        with self._store.transaction() as connection:
            found = operators.get(connection, operator_id)
            if found is None:
                raise UsageError(
                    f"no operator has the id '{operator_id[:16]}'", hint="stella-ops operator list shows all"
                )
            done = operators.revoke(connection, operator_id, now)
            if done:
                self._audit(connection, now, "operator.revoke", found, by)
        return done

    def by_key(self, value: str) -> operators.Operator | None:
        """Whom an API key belongs to, while it is good; None else, without saying why."""
        found = _FORM.fullmatch(value)
        if found is None:
            return None
        with self._store.reading() as connection:
            operator = operators.get(connection, found[1])
        kept = operator.secret_sha256 if operator is not None else None
        right = hmac.compare_digest(_digest(found[2]), kept or _digest(""))
        return self._good(operator) if right and kept is not None else None

    def by_certificate(self, fingerprint_sha256: str) -> operators.Operator | None:
        """Whom a certificate belongs to, while it is good; None else. The handshake has verified it."""
        with self._store.reading() as connection:
            operator = operators.by_fingerprint(connection, fingerprint_sha256)
        return self._good(operator)

    def _good(self, operator: operators.Operator | None) -> operators.Operator | None:
        now = self._clock()
        if operator is None or operator.revoked_at is not None:
            return None
        if operator.expires_at is not None and now >= operator.expires_at:
            return None
        if operator.last_used_at is None or now - operator.last_used_at >= _USED_AGAIN:
            with self._store.transaction() as connection:
                operators.used(connection, operator.id, now)
            return replace(operator, last_used_at=now)
        return operator

    def _check(self, name: str, ttl: timedelta | None) -> datetime:
        check_name(name, "name")
        if ttl is not None and not timedelta(0) < ttl <= timedelta(days=3650):
            raise EnrolmentError("an operator's key or certificate cannot live that long", reason="bad_ttl")
        return self._clock()

    def _add(self, operator: operators.Operator) -> None:
        with self._store.transaction() as connection:
            operators.add(connection, operator)
            self._audit(connection, operator.created_at, "operator.add", operator, operator.created_by)

    def _audit(self, connection: Connection, now: datetime, act: str, operator: operators.Operator, by: str) -> None:
        detail = {"operator_id": operator.id, "role": operator.role, "kind": operator.kind}
        entry = audit.AuditEntry(time=now, actor=by, act=act, subject=operator.name, detail=detail)
        audit.record(connection, entry)


def _digest(secret: str) -> str:
    # A plain hash is enough: 256 random bits cannot be guessed, unlike a password.
    return hashlib.sha256(secret.encode()).hexdigest()
