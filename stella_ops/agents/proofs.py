"""A host's proof that it holds the key which a certificate is asked for: a CSR, or a signed challenge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.agents.tokens import token_id_of
from stella_ops.errors import PkiError
from stella_ops.pki.keys import PublicKey
from stella_ops.pki.requests import CHALLENGE_NAMESPACE, challenge_text, verify_pkcs10, verify_sshsig


def proven_key(
    proof: Mapping[str, Any],
    token: str,
    agent_id: str,
    name: str,
    environment: str,
    *,
    stands_for: str | None = None,
) -> PublicKey:
    """The key that a proof is of.

    Args:
        proof: as for ``EnrolmentService.complete``.
        token: belongs to the proof, and to its challenge by its id.
        stands_for: what the challenge has in the place of that id.

    Raises:
        PkiError: the proof is malformed or wrong.
    """
    kind = proof.get("kind")
    if kind == "pkcs10":
        return verify_pkcs10(_text(proof, "csr"), name)
    if kind == "sshsig":
        challenge = challenge_text(
            agent_id=agent_id,
            name=name,
            environment=environment,
            token_id=stands_for or token_id_of(token) or "",
        )
        # The host's own copy of the challenge is not looked at: only ours says what must be signed.
        return verify_sshsig(_text(proof, "public_key"), _text(proof, "signature"), challenge, CHALLENGE_NAMESPACE)
    raise PkiError("the agent's proof is of no known kind", hint="install the agent of this release there")


def _text(proof: Mapping[str, Any], key: str) -> str:
    found = proof.get(key)
    if not isinstance(found, str):
        raise PkiError(f"the agent's proof lacks '{key}'", hint="install the agent of this release there")
    return found
