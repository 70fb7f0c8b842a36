"""Checks what a host sends to prove that it holds the private key a certificate is wanted for.

With openssl on the host that is a PKCS #10 request (RFC 2986); without, a public key and ssh-keygen's
signature over the controller's challenge. What comes from a host is hostile until checked: every failure is a
``PkiError``.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from stella_ops.errors import PkiError
from stella_ops.pki.keys import PublicKey, acceptable
from stella_ops.pki.sshsig import check_signature, read_public_key, read_signature

CHALLENGE_NAMESPACE = "stella-enrol@stella-ops"
_LONGEST_REQUEST = 32_768


def challenge_text(*, agent_id: str, name: str, environment: str, token_id: str) -> str:
    """The text that an agent signs with ssh-keygen in place of a certificate request."""
    return f"stella-enrol/v1\nagent_id={agent_id}\nname={name}\nenvironment={environment}\ntoken_id={token_id}\n"


def verify_pkcs10(pem: str, expected_name: str) -> PublicKey:
    """Check a certificate request and return its public key; its extensions and other names are ignored.

    Args:
        pem: the request.
        expected_name: the one common name that its subject must hold.

    Raises:
        PkiError: it is malformed, signed with another key or a broken hash, for another name, or its key is
            not accepted.
    """
    if not isinstance(pem, str) or len(pem) > _LONGEST_REQUEST:
        raise PkiError("the certificate request is too long, or no text")
    try:
        request = x509.load_pem_x509_csr(pem.encode("ascii"))
        # The key first: checking a signature with a bad key is work for an attacker.
        key = acceptable(request.public_key())
        names = [str(a.value) for a in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        weak = isinstance(request.signature_hash_algorithm, hashes.SHA1 | hashes.MD5)
        good = not weak and request.is_signature_valid
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise PkiError("the certificate request cannot be read") from None
    if not good:
        raise PkiError("the certificate request's signature is wrong: the sender does not prove to hold the key")
    if names != [expected_name]:
        asked = ", ".join(map(repr, names)) or "no name"
        raise PkiError(f"the certificate request is for {asked}, not for '{expected_name}'")
    return key


def verify_sshsig(public_key_line: str, signature: str, challenge: str, namespace: str) -> PublicKey:
    """Check a signature made by ``ssh-keygen -Y sign -n NAMESPACE`` and return the public key.

    Args:
        public_key_line: the line of the ``.pub`` file.
        signature: the armored signature.
        challenge: the text that must have been signed, exactly.
        namespace: the purpose it must have been signed for.

    Raises:
        PkiError: any of these is malformed or does not fit the others, or the key is not accepted.
    """
    if not isinstance(public_key_line, str) or not isinstance(signature, str):
        raise PkiError("the proof is incomplete")
    key, blob = read_public_key(public_key_line)
    check_signature(read_signature(signature), key, blob, challenge.encode(), namespace)
    return key
