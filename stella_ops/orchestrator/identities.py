"""Who asks: found out from the certificate of the TLS session, or from an API key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509

from stella_ops.agents.checkin import KnownAgent
from stella_ops.agents.operators import Role
from stella_ops.orchestrator.refusals import Refusal
from stella_ops.store.operators import Operator

if TYPE_CHECKING:
    from stella_ops.agents.checkin import CheckinService
    from stella_ops.agents.operators import OperatorService

_AGENT_URI = "stella://agent/"
_OPERATOR_URI = "stella://operator/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks: an agent, an operator, or (neither) a stranger."""

    known_agent: KnownAgent | None = None
    known_operator: Operator | None = None

    @property
    def agent(self) -> KnownAgent:
        """The agent; only where the operation is for agents."""
        assert self.known_agent is not None
        return self.known_agent

    @property
    def operator(self) -> Operator:
        """The operator; only where the operation is for operators."""
        assert self.known_operator is not None
        return self.known_operator

    @property
    def actor(self) -> str:
        """The name for the audit trail and the log."""
        if self.known_agent is not None:
            return f"agent:{self.known_agent.name}"
        if self.known_operator is not None:
            return f"operator:{self.known_operator.name}"
        return "stranger"


STRANGER = Identity()


def peer_certificate(scope: Any) -> bytes | None:
    """The DER of the certificate that the peer of this request's connection has shown, verified by the handshake."""
    tls = scope.get("extensions", {}).get("tls", {})
    found: bytes | None = tls.get("client_cert_der")
    return found


def bearer_key(authorization: str | None) -> str | None:
    """The API key in an ``Authorization`` header, None when there is none (RFC 6750, section 2.1)."""
    scheme, _, value = (authorization or "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def identify_agent(certificate: bytes | None, checkin: CheckinService) -> Identity:
    """The agent that a certificate stands for.

    Raises:
        Refusal: there is no certificate, it is none of an agent, or it was revoked.
    """
    if certificate is None:
        raise Refusal(
            401, "certificate-required", "this is for agents, which show their certificate", hint="enrol the agent"
        )
    agent = checkin.recognise(hashlib.sha256(certificate).hexdigest())
    if agent is None or f"{_AGENT_URI}{agent.agent_id}" not in _uris(certificate):
        raise _revoked()
    return Identity(known_agent=agent)


def identify_operator(certificate: bytes | None, key: str | None, role: Role, service: OperatorService) -> Identity:
    """The operator that an API key, or else a certificate, stands for.

    Raises:
        Refusal: there is neither, it is not good, or the operator's role does not do.
    """
    operator: Operator | None = None
    if key is not None:
        operator = service.by_key(key)
        if operator is None:
            raise wrong_key()
    elif certificate is not None:
        operator = service.by_certificate(hashlib.sha256(certificate).hexdigest())
        if operator is None or f"{_OPERATOR_URI}{operator.id}" not in _uris(certificate):
            raise _revoked()
    if operator is None:
        raise Refusal(
            401,
            "operator-required",
            "this is for operators, who show an API key or a certificate",
            hint="stella-ops operator add makes one",
            headers={"www-authenticate": "Bearer"},
        )
    if not Role(operator.role).includes(role):
        raise Refusal(403, "role", f"this needs the role '{role}'; yours is '{operator.role}'")
    return Identity(known_operator=operator)


def wrong_key() -> Refusal:
    """The one answer to an API key that is not good, for whatever reason."""
    return Refusal(
        401, "api-key", "the API key is not good", headers={"www-authenticate": 'Bearer error="invalid_token"'}
    )


def _revoked() -> Refusal:
    return Refusal(
        403,
        "certificate-revoked",
        "this certificate is not, or no longer, good for this",
        hint="enrol the agent again, or use an operator's certificate where an operator is asked for",
    )


def _uris(certificate: bytes) -> list[str]:
    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
