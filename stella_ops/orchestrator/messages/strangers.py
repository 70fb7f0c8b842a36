"""Messages of those who have no certificate yet."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stella_ops.orchestrator.messages.form import Answer, Json, Name, Sent, Sha256

Token = Annotated[
    str,
    Field(
        max_length=512,
        description="<16 hex digits of the id>.<43 characters of the secret>, perhaps with .<43 characters of the pin>",
    ),
]
Proof = Annotated[str, Field(max_length=32_768)]


class Health(Answer):
    """The server answers, and its store does."""

    status: Literal["ok"]
    version: str


class IdentityRequest(Sent):
    """Whom is this token for?"""

    token: Token


class IdentityAnswer(Answer):
    """Who the agent is to be: what its certificate request or its signed challenge must name."""

    agent_id: str
    name: str
    environment: str


class ProofOfPossession(Sent):
    """That the sender holds a private key, as the agent's rpc method ``csr`` makes it.

    ``pkcs10`` needs ``csr``, ``sshsig`` needs ``public_key`` and ``signature``.
    """

    kind: Literal["pkcs10", "sshsig"] = "pkcs10"
    csr: Proof | None = None
    public_key: Proof | None = None
    signature: Proof | None = None

    def proof(self) -> dict[str, str]:
        """The form that the enrolment's services take."""
        return self.model_dump(include={"kind", "csr", "public_key", "signature"}, exclude_none=True)


class EnrolRequest(ProofOfPossession):
    """Exchange a token for a certificate. ``name`` and ``environment``: what the host believes to be, if anything."""

    token: Token
    name: Name | None = None
    environment: Name | None = None


class EnrolAnswer(Answer):
    """The certificate's chain (leaf first, without root), the root, and the configuration to begin with."""

    agent_id: str
    name: str
    environment: str
    chain: str
    ca: str
    config: Json
    config_revision: int
    config_sha256: Sha256
    repeated: bool
