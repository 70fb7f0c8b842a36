"""Enrolment: from a bare host to an agent with an identity that the fleet's authority vouches for.

    begin      an id for the name (kept for ever) and a one-time token    → the host, over its SSH channel
    (host)     makes its key, answers with a CSR or a signed challenge    ← rpc method ``csr``
    complete   proof checked, token exchanged, certificate issued         → rpc method ``install-identity``

The services here do not know how the messages travel.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from stella_ops.agents.names import check_name
from stella_ops.agents.proofs import proven_key
from stella_ops.agents.tokens import Refusal, TokenService, count_failure
from stella_ops.errors import EnrolmentError, PkiError
from stella_ops.pki.authority import DEFAULT_VALIDITY, CertificateAuthority
from stella_ops.pki.keys import PublicKey, public_key_sha256
from stella_ops.store import agents, audit, certificates
from stella_ops.store.database import Store

# Asked again for the same key within this time, a renewal is answered with the certificate that it brought before.
_ANSWER_LOST = timedelta(hours=1)
_MOST_UNUSED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEnrolment:
    """What the host gets to begin with: who it is to be, and the token that lets it."""

    agent_id: str
    name: str
    environment: str
    token: str = field(repr=False)
    expires_at: datetime

    def csr_params(self) -> dict[str, str]:
        """The parameters of the agent's rpc method ``csr``. They hold the token: for frames only."""
        return {
            "agent_id": self.agent_id,
            "name": self.name,
            "environment": self.environment,
            "token": self.token,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A completed enrolment: the chain (leaf first, without root) and the root, for ``install-identity``.

    ``repeated`` tells that the same key had this answer before.
    """

    agent_id: str
    chain_pem: str
    ca_pem: str
    certificate: certificates.Certificate
    repeated: bool = False


class EnrolmentService:
    """Enrols agents.

    Args:
        store: the fleet store.
        ca: signs the certificates.
        tokens: mints and exchanges the tokens.
        clock: gives the time, aware.
        random: gives that many random bytes; agents' ids are made of them.
        validity: of certificates.
    """

    def __init__(
        self,
        store: Store,
        ca: CertificateAuthority,
        tokens: TokenService,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
        validity: timedelta = DEFAULT_VALIDITY,
    ) -> None:
        self._store = store
        self._ca = ca
        self._tokens = tokens
        self._clock = clock
        self._random = random
        self._validity = validity

    def begin(
        self,
        name: str,
        environment: str,
        host: str,
        *,
        ansible_host: str | None = None,
        labels: Mapping[str, str] | None = None,
        actor: str,
    ) -> PendingEnrolment:
        """Give a name its identity (the one it has, if it is known) and mint a token for it.

        Args:
            host: the host's inventory name; ``ansible_host`` the address in use.
            actor: who does this, for the audit trail.

        Raises:
            EnrolmentError: (bad_name, bad_environment) the name cannot stand in a certificate or a challenge.
        """
        with self._store.transaction() as connection:
            agent = self.expect(connection, name, environment, host, ansible_host=ansible_host, labels=labels)
            token = self._tokens.mint_in(connection, name, environment, created_by=actor)
        return PendingEnrolment(
            agent_id=agent.id,
            name=name,
            environment=environment,
            token=token.value,
            expires_at=token.expires_at,
        )

    def expect(
        self,
        connection: Connection,
        name: str,
        environment: str,
        host: str,
        *,
        ansible_host: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> agents.Agent:
        """The agent of this name, made when there is none; ``begin``'s first half, in the caller's transaction.

        Raises:
            EnrolmentError: (bad_name, bad_environment) as ``begin``.
        """
        check_name(name, "name")
        check_name(environment, "environment")
        made = agents.Agent(
            id=str(uuid.UUID(bytes=self._random(16), version=4)),
            name=name,
            environment=environment,
            host=host,
            ansible_host=ansible_host,
            labels=dict(labels or {}),
            created_at=self._clock(),
        )
        agent = agents.add(connection, made)
        wanted = replace(
            agent,
            host=host,
            ansible_host=ansible_host if ansible_host is not None else agent.ansible_host,
            labels=dict(labels) if labels is not None else agent.labels,
        )
        if wanted != agent:
            agents.save(connection, wanted)
        return wanted

    def complete(
        self,
        proof: Mapping[str, Any],
        *,
        agent_id: str,
        name: str,
        environment: str,
        actor: str,
        other_hosts: Collection[str] = (),
        then: Callable[[Connection, Enrolment], None] | None = None,
    ) -> Enrolment:
        """Check the host's proof, exchange its token and issue its certificate, all or nothing.

        Repeated with the same token and key it gives the same chain.

        Args:
            proof: the result of the rpc method ``csr``: ``kind`` pkcs10 or sshsig, what belongs to it, and
                ``token``.
            agent_id, name, environment: as in the pending enrolment.
            other_hosts: inventory names besides this host's own. The key of an agent on one of them is refused:
                two names lead to one agent folder, or one machine is a copy of the other, key and all.
            then: what else belongs to it, done in the same transaction.

        Raises:
            PkiError: the proof is malformed or wrong; the token stays as it was.
            EnrolmentError: the token is refused (see ``TokenService.exchange``), the agent is unknown
                (unknown_agent), or the key is another host's (shared_key).
        """
        token = proof.get("token")
        token = token if isinstance(token, str) else ""
        try:
            key = proven_key(proof, token, agent_id, name, environment)
        except PkiError as problem:
            self._audit_refusal(name, actor, agent_id, problem.message, environment)
            raise
        with self._store.transaction() as connection:
            holder = self._holder(connection, public_key_sha256(key), agent_id, other_hosts)
            if holder is not None:
                audit.record(connection, _refused(self._clock(), actor, name, agent_id, "shared_key"))
                count_failure(connection, environment, "shared_key")
                outcome: Enrolment | Refusal = Refusal("shared_key", "", None, "shared_key")
            else:
                outcome = self._complete_in(connection, token, key, agent_id, name, environment, actor)
                if then is not None and isinstance(outcome, Enrolment):
                    then(connection, outcome)
        if holder is not None:
            raise EnrolmentError(
                f"the key on this host is the one of agent '{holder.name}' ({holder.environment}) on {holder.host}",
                reason="shared_key",
                where=name,
                hint="when two inventory names lead to one host, give each a stella_agent_prefix of its own; on a copy "
                "of another machine remove the folder identity below the agent's var folder, then run again",
            )
        if isinstance(outcome, Refusal):
            raise outcome.error(where=name)
        return outcome

    def renew(self, proof: Mapping[str, Any], fingerprint_sha256: str, *, actor: str) -> Enrolment:
        """Issue a new certificate to an agent that has shown a valid one, for the key that it proves to hold.

        Args:
            proof: as for ``complete``, without token; the challenge of an sshsig proof has in its token's place the
                first 16 hex digits of the certificate that was shown.
            fingerprint_sha256: of the certificate that the agent has authenticated itself with.

        Raises:
            PkiError: the proof is malformed or wrong.
            EnrolmentError: (unknown_certificate, revoked, decommissioned) the certificate is not good for it;
                (too_many_certificates) it had a hundred within the hour, and uses none.
        """
        with self._store.reading() as connection:
            held = certificates.by_fingerprint(connection, fingerprint_sha256)
            agent = agents.get(connection, held.agent_id) if held is not None else None
        if held is None or agent is None:
            raise EnrolmentError("this certificate is not one of the fleet's", reason="unknown_certificate")
        try:
            key = proven_key(
                {**proof, "token": ""}, "", agent.id, agent.name, agent.environment, stands_for=fingerprint_sha256[:16]
            )
        except PkiError as problem:
            self._audit_refusal(agent.name, actor, agent.id, problem.message, None)
            raise
        with self._store.transaction() as connection:
            agent = agents.get(connection, held.agent_id, lock=True)
            held = certificates.by_fingerprint(connection, fingerprint_sha256)
            reason = "unknown_certificate" if agent is None or held is None else None
            if held is not None and held.revoked_at is not None:
                reason = "revoked"
            elif agent is not None and agent.decommissioned_at is not None:
                reason = "decommissioned"
            if reason is not None:
                audit.record(connection, _refused(self._clock(), actor, held.subject if held else "", "", reason))
            elif agent is not None:
                unused = self._unused(connection, agent.id, fingerprint_sha256)
                for other in unused:
                    if other.public_key_sha256 == public_key_sha256(key) and other.token_id is None:
                        return self._enrolment(other, repeated=True)
                if len(unused) < _MOST_UNUSED:
                    return self._issue(connection, agent, key, None, actor, act="certificate.renew")
                reason = "too_many_certificates"
                audit.record(connection, _refused(self._clock(), actor, agent.name, agent.id, reason))
        raise EnrolmentError("the certificate cannot be renewed", reason=reason or "unknown_certificate")

    def _unused(self, connection: Connection, agent_id: str, fingerprint_sha256: str) -> list[certificates.Certificate]:
        """An agent's valid certificates of the last hour besides the one it shows: answers that it may not have got."""
        since = self._clock() - _ANSWER_LOST
        return [
            other
            for other in certificates.of_agent(connection, agent_id)
            if other.revoked_at is None and other.issued_at > since and other.fingerprint_sha256 != fingerprint_sha256
        ]

    def _holder(
        self, connection: Connection, key_sha256: str, agent_id: str, hosts: Collection[str]
    ) -> agents.Agent | None:
        """The agent on one of ``hosts`` that has a valid certificate for this key, other than ``agent_id``."""
        for certificate in certificates.valid_for_key(connection, key_sha256):
            holder = agents.get(connection, certificate.agent_id) if certificate.agent_id != agent_id else None
            if holder is not None and holder.host in hosts and holder.decommissioned_at is None:
                return holder
        return None

    def _complete_in(
        self,
        connection: Connection,
        token: str,
        key: PublicKey,
        agent_id: str,
        name: str,
        environment: str,
        actor: str,
    ) -> Enrolment | Refusal:
        now = self._clock()
        agent = agents.find(connection, name, environment, lock=True)
        if agent is None or agent.id != agent_id:
            audit.record(connection, _refused(now, actor, name, agent_id, "unknown_agent"))
            count_failure(connection, environment if agent is not None else "", "unknown_agent")
            return Refusal("unknown_agent", f"no agent '{name}' with this id is expected", None, "unknown_agent")
        key_sha256 = public_key_sha256(key)
        grant = self._tokens.redeem(
            connection, token, key_sha256, name=name, environment=environment, now=now, actor=actor
        )
        if isinstance(grant, Refusal):
            return grant
        known = certificates.issued_for(connection, grant.token_id, key_sha256)
        if known is not None:
            return self._enrolment(known, repeated=True)
        return self._issue(connection, agent, key, grant.token_id, actor, act="certificate.issue")

    def _issue(
        self, connection: Connection, agent: agents.Agent, key: PublicKey, token_id: str | None, actor: str, *, act: str
    ) -> Enrolment:
        now = self._clock()
        key_sha256 = public_key_sha256(key)
        issued = self._ca.issue_agent_certificate(
            key,
            agent_id=agent.id,
            name=agent.name,
            now=now,
            validity=self._validity,
            # RFC 5280 wants serials positive and below 160 bits.
            serial=int.from_bytes(self._random(19), "big") or 1,
        )
        record = certificates.Certificate(
            serial=issued.serial,
            agent_id=agent.id,
            subject=agent.name,
            fingerprint_sha256=issued.fingerprint_sha256,
            public_key_sha256=key_sha256,
            not_before=issued.not_before,
            not_after=issued.not_after,
            issued_at=now,
            chain_pem=issued.pem,
            token_id=token_id,
        )
        certificates.add(connection, record)
        agents.save(
            connection,
            replace(
                agent,
                status="unknown" if agent.status == "decommissioned" else agent.status,
                decommissioned_at=None,
                enrolled_at=agent.enrolled_at if token_id is None else now,
                certificate_fingerprint=issued.fingerprint_sha256,
                certificate_expires_at=issued.not_after,
            ),
        )
        detail = {
            "environment": agent.environment,
            "agent_id": agent.id,
            "serial": issued.serial,
            "fingerprint_sha256": issued.fingerprint_sha256,
        }
        if token_id is not None:
            detail["token_id"] = token_id
        audit.record(connection, audit.AuditEntry(time=now, actor=actor, act=act, subject=agent.name, detail=detail))
        return self._enrolment(record, repeated=False)

    def _enrolment(self, record: certificates.Certificate, *, repeated: bool) -> Enrolment:
        return Enrolment(
            agent_id=record.agent_id,
            chain_pem=record.chain_pem,
            ca_pem=self._ca.root_pem,
            certificate=record,
            repeated=repeated,
        )

    def _audit_refusal(self, name: str, actor: str, agent_id: str, why: str, environment: str | None) -> None:
        with self._store.transaction() as connection:
            audit.record(connection, _refused(self._clock(), actor, name, agent_id, why))
            if environment is not None:
                count_failure(connection, environment, "bad_proof")


def _refused(now: datetime, actor: str, name: str, agent_id: str, why: str) -> audit.AuditEntry:
    return audit.AuditEntry(
        time=now,
        actor=actor,
        act="agent.enrol",
        subject=name,
        outcome="refused",
        detail={"agent_id": agent_id, "reason": why},
    )
