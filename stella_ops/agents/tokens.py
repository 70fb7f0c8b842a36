"""Bootstrap tokens: one enrolment each, for one name in one environment, for a quarter of an hour.

A token is ``<id>.<secret>``: 16 hex digits that name it, and 256 random bits in base64url that prove it. The
store keeps the id and the secret's SHA-256 only. The first exchange binds the token to the public key it
brings: the same key may repeat the exchange until the token expires (an answer may have been lost on the
wire), any other key is refused and audited.

A token that travels to a host by hand has a third part: the pin of the fleet's authority (the SHA-256 of its root
certificate, base64url), by which an agent that has never heard of the fleet knows the right server before it
sends the token there. The pin is no secret, and the server that gets it back does not look at it.
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

from stella_ops.agents.token_views import Binding, TokenView, binding_of, view_of
from stella_ops.durations import format_duration
from stella_ops.errors import EnrolmentError, UsageError
from stella_ops.store import audit, counters, tokens
from stella_ops.store.database import Store

_FORM = re.compile(r"([0-9a-f]{16})\.([A-Za-z0-9_-]{43})(?:\.[A-Za-z0-9_-]{43})?", re.ASCII)

REQUESTED = "stella_agent_bootstrap_total"
SUCCEEDED = "stella_agent_bootstrap_success_total"
FAILED = "stella_agent_bootstrap_failed_total"
# A stranger's words must not make series without end: nothing is counted of what a token says that is not known.
_STRANGERS = ("malformed", "unknown")


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
        binding: Binding | None = None,
        pin: str | None = None,
    ) -> BootstrapToken:
        """Make a token for an agent.

        Args:
            uses: how many different keys it may enrol; more than one is for machines that are rebuilt.
            binding: what else the agent is to be.
            pin: the SHA-256 of the authority's root certificate, hex, for a token that carries it.

        Raises:
            EnrolmentError: (bad_ttl, bad_uses) more is asked than the settings allow.
        """
        with self._store.transaction() as connection:
            return self.mint_in(
                connection,
                agent_name,
                environment,
                created_by=created_by,
                ttl=ttl,
                uses=uses,
                binding=binding,
                pin=pin,
            )

    def mint_in(
        self,
        connection: Connection,
        agent_name: str,
        environment: str,
        *,
        created_by: str,
        ttl: timedelta | None = None,
        uses: int = 1,
        binding: Binding | None = None,
        pin: str | None = None,
    ) -> BootstrapToken:
        """``mint`` within the caller's transaction."""
        bound = binding or Binding()
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
        secret = _base64url(self._random(32))
        record = tokens.Token(
            id=token_id,
            secret_sha256=_digest(secret),
            agent_name=agent_name,
            environment=environment,
            created_at=now,
            created_by=created_by,
            expires_at=now + life,
            max_uses=uses,
            platform=bound.platform,
            capabilities=None if bound.capabilities is None else list(bound.capabilities),
            labels=None if bound.labels is None else dict(bound.labels),
            cluster_id=bound.cluster_id,
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
        counters.count(connection, REQUESTED, {"environment": environment, "platform": bound.platform or "push"})
        value = f"{token_id}.{secret}" + (f".{_base64url(bytes.fromhex(pin))}" if pin else "")
        return BootstrapToken(token_id, value, record.expires_at)

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
        if isinstance(outcome, Refusal):
            count_failure(connection, environment if outcome.reason not in _STRANGERS else "", outcome.detail)
        elif not outcome.repeated:
            counters.count(connection, SUCCEEDED, {"environment": environment})
        return outcome

    def look(
        self,
        connection: Connection,
        value: str,
        *,
        name: str | None = None,
        environment: str | None = None,
        actor: str,
    ) -> tokens.Token | Refusal:
        """The token with this value, while it is good for anything; nothing is used up.

        Args:
            name, environment: what the agent that sends it believes to be, where it says so.

        A refusal is in the audit trail and counted, with ``redeem``'s reasons.
        """
        now = self._clock()
        found = _authentic(connection, value, now)
        known = "" if isinstance(found, Refusal) else found.environment
        subject = "" if isinstance(found, Refusal) else found.agent_name
        if not isinstance(found, Refusal):
            found = _another(found, found.agent_name if name is None else name, environment or known) or found
        if isinstance(found, Refusal):
            detail: dict[str, object] = {"reason": found.detail}
            if found.token_id:
                detail["token_id"] = found.token_id
            entry = audit.AuditEntry(
                time=now, actor=actor, act="token.exchange", subject=subject, outcome="refused", detail=detail
            )
            audit.record(connection, entry)
            count_failure(connection, known, found.detail)
        return found

    def binding(self, connection: Connection, token_id: str) -> Binding:
        """What a token says of the agent it enrols; nothing for one that is gone."""
        found = tokens.get(connection, token_id)
        return Binding() if found is None else binding_of(found)

    def list(self, *, everything: bool = False) -> list[TokenView]:
        """The tokens that may still be used, oldest first; ``everything``: those too that may not."""
        now = self._clock()
        with self._store.reading() as connection:
            found = tokens.every(connection) if everything else tokens.valid(connection, now)
        return [view_of(token, now) for token in found]

    def show(self, token: str) -> TokenView:
        """One token by its id or its value; the secret in a value is neither needed nor looked at.

        Raises:
            UsageError: there is none.
        """
        token_id = token_id_of(token) or token
        with self._store.reading() as connection:
            found = tokens.get(connection, token_id)
            keys = tokens.keys_of(connection, token_id)
        if found is None:
            raise UsageError(
                f"no token has the id '{token_id[:16]}'", hint="stella-ops token list --all shows those there are"
            )
        return view_of(found, self._clock(), keys)

    def revoke(self, token_id: str, *, by: str) -> bool:
        """Make a token useless; False when it is unknown or revoked already."""
        now = self._clock()
        with self._store.transaction() as connection:
            done = tokens.revoke(connection, token_id, now)
            if done:
                entry = audit.AuditEntry(time=now, actor=by, act="token.revoke", subject=token_id)
                audit.record(connection, entry)
        return done


def count_failure(connection: Connection, environment: str, reason: str) -> None:
    """Count a refused bootstrap, with the transaction that refuses it."""
    counters.count(connection, FAILED, {"environment": environment, "reason": reason})


def token_id_of(value: str) -> str | None:
    """The public part of a token, or None when it has not a token's form."""
    found = _FORM.fullmatch(value)
    return found[1] if found else None


def _decide(
    connection: Connection, value: str, key: str, name: str, environment: str, now: datetime
) -> Grant | Refusal:
    token = _authentic(connection, value, now)
    if isinstance(token, Refusal):
        return token
    refusal = _another(token, name, environment)
    if refusal is not None:
        return refusal
    if tokens.is_bound(connection, token.id, key):
        return Grant(token.id, repeated=True)
    if not tokens.bind(connection, token.id, key, now):
        return Refusal("used", "the bootstrap token was used for another key already", token.id, "used")
    return Grant(token.id, repeated=False)


def _another(token: tokens.Token, name: str, environment: str) -> Refusal | None:
    """The refusal of a token that is for another agent."""
    if token.agent_name != name:
        return Refusal("wrong_name", f"the bootstrap token is not for '{name}'", token.id, "wrong_name")
    if token.environment != environment:
        message = f"the bootstrap token is not for environment '{environment}'"
        return Refusal("wrong_environment", message, token.id, "wrong_environment")
    return None


def _authentic(connection: Connection, value: str, now: datetime) -> tokens.Token | Refusal:
    """The token (locked), if whoever sent it has its secret, and it is neither revoked nor too old."""
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
    if token.revoked_at is not None:
        return Refusal("revoked", "the bootstrap token was revoked", token_id, "revoked")
    if now >= token.expires_at:
        return Refusal("expired", "the bootstrap token has expired", token_id, "expired")
    return token


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _digest(secret: str) -> str:
    # A plain hash is enough: 256 random bits cannot be guessed, unlike a password.
    return hashlib.sha256(secret.encode()).hexdigest()
