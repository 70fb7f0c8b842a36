"""Keys: which kinds there are, which are good enough, and how they are named by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stella_ops.errors import PkiError

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

AUTHORITY_KEYS: dict[str, Callable[[], SigningKey]] = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
}

_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_LONGEST_RSA = 8192


def acceptable(key: object) -> PublicKey:
    """The key, if an agent may have it: EC on P-256, P-384 or P-521, RSA of 2048 to 8192 bits, Ed25519.

    Raises:
        PkiError: it is of another kind, or too weak, or so large that checking it would be an attack.
    """
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise PkiError(f"the key's curve {key.curve.name} is not accepted", hint="use P-256")
        return key
    if isinstance(key, rsa.RSAPublicKey):
        if not 2048 <= key.key_size <= _LONGEST_RSA:
            raise PkiError(
                f"an RSA key of {key.key_size} bits is not accepted",
                hint="use ECDSA P-256, or RSA of 3072 bits",
            )
        # An exponent of 1 makes every signature valid; RFC 8017 wants it odd and at least 3.
        if key.public_numbers().e < 3 or key.public_numbers().e % 2 == 0:
            raise PkiError("the RSA key's exponent is not accepted")
        return key
    raise PkiError("a key of this kind is not accepted", hint="use ECDSA P-256")


def public_key_sha256(key: PublicKey) -> str:
    """The SHA-256 of the key's SubjectPublicKeyInfo in DER (RFC 5280), as lower-case hex."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()
