"""Bootstrap tokens: one enrolment each, for one name in one environment, for a quarter of an hour.

A token is ``<id>.<secret>``: 16 hex digits that name it, and 256 random bits in base64url that prove it. The
store keeps the id and the secret's SHA-256 only. The first exchange binds the token to the public key it
brings: the same key may repeat the exchange until the token expires (an answer may have been lost on the
wire), any other key is refused and audited.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from stella_ops.durations import format_duration
from stella_ops.errors import EnrolmentError
from stella_ops.store import audit, tokens
from stella_ops.store.database import Store

_FORM = re.compile(r"([0-9a-f]{16})\.([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class BootstrapToken:
    """A token just minted. ``value`` is the only copy of the secret: it is in no store, log or ``repr``."""

    id: str
    value: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """An exchange that was allowed; ``repeated`` when this key had been here before."""

    token_id: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exchange that was not allowed: ``reason`` for the caller, ``detail`` for the audit trail only."""

    reason: str
    message: str
    token_id: str | None
    detail: str

    def error(self, *, where: str) -> EnrolmentError:
        return EnrolmentError(self.message, reason=self.reason, where=where, hint=_HINTS.get(self.reason))


_MINT_ANOTHER = "mint another token: run the bootstrap again"
_HINTS = {
    "expired": _MINT_ANOTHER,
    "revoked": _MINT_ANOTHER,
    "used": "if you did not enrol this agent twice, someone else has used its token: read the audit trail",
    "wrong_name": "a token is good for the agent it was made for only",
    "wrong_environment": "a token is good for the environment it was made for only",
}


class TokenService:
    """Mints and exchanges tokens.

    Args:
        store: the fleet store.
        clock: gives the time, aware.
        random: gives that many random bytes, unpredictable (``secrets.token_bytes``).
        ttl: life of a token when ``mint`` names none; ``max_ttl`` and ``max_uses`` limit what may be asked.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
        ttl: timedelta = timedelta(minutes=15),
        max_ttl: timedelta = timedelta(hours=24),
        max_uses: int = 100,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._ttl = ttl
        self._max_ttl = max_ttl
        self._max_uses = max_uses

    def mint(
        self,
        agent_name: str,
        environment: str,
        *,
        created_by: str,
        ttl: timedelta | None = None,
        uses: int = 1,
    ) -> BootstrapToken:
        """Make a token for an agent.

        Args:
            uses: how many different keys it may enrol; more than one is for machines that are rebuilt.

        Raises:
            EnrolmentError: (bad_ttl, bad_uses) more is asked than the settings allow.
        """
        with self._store.transaction() as connection:
            return self.mint_in(connection, agent_name, environment, created_by=created_by, ttl=ttl, uses=uses)

    def mint_in(
        self,
        connection: Connection,
        agent_name: str,
        environment: str,
        *,
        created_by: str,
        ttl: timedelta | None = None,
        uses: int = 1,
    ) -> BootstrapToken:
        """``mint`` within the caller's transaction."""
        life = self._ttl if ttl is None else ttl
        if not timedelta(0) < life <= self._max_ttl:
            raise EnrolmentError(
                f"a token cannot live that long: at most {format_duration(self._max_ttl)}",
                reason="bad_ttl",
                hint="raise max_ttl in section [tokens] of stella.toml",
            )
        if not 1 <= uses <= self._max_uses:
            raise EnrolmentError(
                f"a token cannot be used {uses} times: 1 to {self._max_uses}",
                reason="bad_uses",
                hint="raise max_uses in section [tokens] of stella.toml",
            )
        now = self._clock()
        token_id = self._random(8).hex()
        secret = base64.urlsafe_b64encode(self._random(32)).rstrip(b"=").decode()
        record = tokens.Token(
            id=token_id,
            secret_sha256=_digest(secret),
            agent_name=agent_name,
            environment=environment,
            created_at=now,
            created_by=created_by,
            expires_at=now + life,
            max_uses=uses,
        )
        tokens.add(connection, record)
        detail = {
            "environment": environment,
            "token_id": token_id,
            "ttl": format_duration(life),
            "uses": uses,
        }
        audit.record(
            connection,
            audit.AuditEntry(time=now, actor=created_by, act="token.mint", subject=agent_name, detail=detail),
        )
        return BootstrapToken(token_id, f"{token_id}.{secret}", record.expires_at)

    def exchange(
        self,
        value: str,
        public_key_sha256: str,
        *,
        name: str,
        environment: str,
        now: datetime | None = None,
        actor: str = "agent",
    ) -> Grant:
        """Use a token for a public key.

        Args:
            value: the token as it was sent.
            public_key_sha256: of the key's SubjectPublicKeyInfo, hex; the caller has seen the proof.
            name, environment: of the agent that enrols.

        Raises:
            EnrolmentError: with reason malformed, unknown, revoked, expired, wrong_name, wrong_environment or
                used. The refusal is in the audit trail.
        """
        with self._store.transaction() as connection:
            outcome = self.redeem(
                connection, value, public_key_sha256, name=name, environment=environment, now=now, actor=actor
            )
        if isinstance(outcome, Refusal):
            raise outcome.error(where=name)
        return outcome

    def redeem(
        self,
        connection: Connection,
        value: str,
        public_key_sha256: str,
        *,
        name: str,
        environment: str,
        now: datetime | None = None,
        actor: str = "agent",
    ) -> Grant | Refusal:
        """``exchange`` within the caller's transaction.

        A refusal is returned, not raised, so that the caller can commit its audit entry.
        """
        now = now or self._clock()
        outcome = _decide(connection, value, public_key_sha256, name, environment, now)
        refused = isinstance(outcome, Refusal)
        detail: dict[str, object] = {"environment": environment, "public_key_sha256": public_key_sha256}
        if outcome.token_id:
            detail["token_id"] = outcome.token_id
        if isinstance(outcome, Refusal):
            detail["reason"] = outcome.detail
        else:
            detail["repeated"] = outcome.repeated
        entry = audit.AuditEntry(
            time=now,
            actor=actor,
            act="token.exchange",
            subject=name,
            outcome="refused" if refused else "ok",
            detail=detail,
        )
        audit.record(connection, entry)
        return outcome

    def revoke(self, token_id: str, *, by: str) -> bool:
        """Make a token useless; False when it is unknown or revoked already."""
        now = self._clock()
        with self._store.transaction() as connection:
            done = tokens.revoke(connection, token_id, now)
            if done:
                entry = audit.AuditEntry(time=now, actor=by, act="token.revoke", subject=token_id)
                audit.record(connection, entry)
        return done


def token_id_of(value: str) -> str | None:
    """The public part of a token, or None when it has not a token's form."""
    found = _FORM.fullmatch(value)
    return found[1] if found else None


def _decide(
    connection: Connection, value: str, key: str, name: str, environment: str, now: datetime
) -> Grant | Refusal:
    found = _FORM.fullmatch(value)
    if found is None:
        return Refusal("malformed", "this is no bootstrap token", None, "malformed")
    token_id, secret = found[1], found[2]
    token = tokens.get(connection, token_id, lock=True)
    # Compared in any case and refused in one sentence: neither time nor words tell which ids exist.
    right = hmac.compare_digest(_digest(secret), token.secret_sha256 if token else _digest(""))
    if token is None or not right:
        detail = "unknown" if token is None else "wrong_secret"
        return Refusal("unknown", "the bootstrap token is not known here", token_id, detail)
    refusal: tuple[str, str] | None = None
    if token.revoked_at is not None:
        refusal = ("revoked", "the bootstrap token was revoked")
    elif now >= token.expires_at:
        refusal = ("expired", "the bootstrap token has expired")
    elif token.agent_name != name:
        refusal = ("wrong_name", f"the bootstrap token is not for '{name}'")
    elif token.environment != environment:
        refusal = ("wrong_environment", f"the bootstrap token is not for environment '{environment}'")
    elif tokens.is_bound(connection, token_id, key):
        return Grant(token_id, repeated=True)
    elif not tokens.bind(connection, token_id, key, now):
        refusal = ("used", "the bootstrap token was used for another key already")
    if refusal is not None:
        return Refusal(*refusal, token_id, refusal[0])
    return Grant(token_id, repeated=False)


def _digest(secret: str) -> str:
    # A plain hash is enough: 256 random bits cannot be guessed, unlike a password.
    return hashlib.sha256(secret.encode()).hexdigest()
