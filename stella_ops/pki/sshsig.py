"""Reads OpenSSH's detached signatures (SSHSIG) and checks them.

Format: PROTOCOL.sshsig of OpenSSH, with the wire types of RFC 4251, section 5. Only the reading of the blob
is done here; keys are loaded and signatures checked by ``cryptography``. Nothing lenient: what ssh-keygen
would not write is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from stella_ops.errors import PkiError
from stella_ops.pki.keys import PublicKey, acceptable

_LONGEST = 16_384  # an RSA key of 8192 bits and its signature take less than 4 KiB in base64
_MAGIC = b"SSHSIG"
_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_EC_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    b"ecdsa-sha2-nistp256": hashes.SHA256(),
    b"ecdsa-sha2-nistp384": hashes.SHA384(),
    b"ecdsa-sha2-nistp521": hashes.SHA512(),
}
_RSA_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    b"rsa-sha2-256": hashes.SHA256(),
    b"rsa-sha2-512": hashes.SHA512(),
}
_KEY_TYPES = (*_EC_HASHES, b"ssh-ed25519", b"ssh-rsa")


@dataclass(frozen=True, slots=True)
class SshSignature:
    """What an SSHSIG blob holds; all as on the wire."""

    public_key: bytes
    namespace: bytes
    reserved: bytes
    hash_algorithm: bytes
    signature: bytes


def read_public_key(line: str) -> tuple[PublicKey, bytes]:
    """Read one line of an OpenSSH public key file; returns the key and its blob.

    Raises:
        PkiError: it is no such line, or the key is not accepted.
    """
    parts = line.split(None, 2) if len(line) <= _LONGEST else []
    if len(parts) < 2 or "\n" in line.strip():
        raise PkiError("the proof's public key is no OpenSSH public key line")
    blob = _decode(parts[1], "public key")
    kind = _Reader(blob).string("public key")
    if kind not in _KEY_TYPES or kind != parts[0].encode("utf-8", "replace"):
        raise PkiError("a public key of this kind is not accepted", hint="use ssh-keygen -t ecdsa -b 256")
    try:
        key = load_ssh_public_key(kind + b" " + base64.b64encode(blob))
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm):
        raise PkiError("the proof's public key cannot be read") from None
    return acceptable(key), blob


def read_signature(armored: str) -> SshSignature:
    """Read an armored signature as ``ssh-keygen -Y sign`` writes it.

    Raises:
        PkiError: it is malformed, of another version, or has something after its end.
    """
    lines = armored.strip().splitlines() if len(armored) <= _LONGEST else []
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise PkiError("the proof's signature is no SSH signature")
    reader = _Reader(_decode("".join(lines[1:-1]), "signature"))
    if reader.take(len(_MAGIC), "signature") != _MAGIC:
        raise PkiError("the proof's signature is no SSH signature")
    version = reader.number("signature")
    if version != 1:
        raise PkiError(f"the proof's signature is of the unknown version {version}")
    read = SshSignature(*(reader.string("signature") for _ in range(5)))
    reader.end("signature")
    return read


def check_signature(signature: SshSignature, key: PublicKey, blob: bytes, message: bytes, namespace: str) -> None:
    """Check that ``signature`` was made with ``key`` over ``message`` in ``namespace``.

    Raises:
        PkiError: it was not.
    """
    if signature.public_key != blob:
        raise PkiError("the proof was signed with another key than the one it names")
    if signature.namespace != namespace.encode():
        raise PkiError("the proof was signed for another purpose")
    if signature.reserved:
        raise PkiError("the proof's signature uses a reserved field")
    digest = _HASHES.get(signature.hash_algorithm)
    if digest is None:
        raise PkiError("the proof's hash algorithm is not accepted")
    signed = _MAGIC + b"".join(
        struct.pack(">I", len(field)) + field
        for field in (
            signature.namespace,
            signature.reserved,
            signature.hash_algorithm,
            digest(message).digest(),
        )
    )
    reader = _Reader(signature.signature)
    kind, value = reader.string("signature"), reader.string("signature")
    reader.end("signature")
    try:
        _verify(key, kind, value, signed)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        raise PkiError("the proof's signature is wrong") from None


def _verify(key: PublicKey, kind: bytes, value: bytes, signed: bytes) -> None:
    if isinstance(key, ed25519.Ed25519PublicKey) and kind == b"ssh-ed25519":
        key.verify(value, signed)
    elif isinstance(key, ec.EllipticCurvePublicKey) and kind in _EC_HASHES and kind == _ec_kind(key):
        reader = _Reader(value)
        r, s = reader.mpint("signature"), reader.mpint("signature")
        reader.end("signature")
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(_EC_HASHES[kind]))
    elif kind in _RSA_HASHES and not isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
        # OpenSSH drops leading zeros of an RSA signature; PKCS #1 wants the modulus's length.
        key.verify(value.rjust((key.key_size + 7) // 8, b"\0"), signed, padding.PKCS1v15(), _RSA_HASHES[kind])
    else:
        raise PkiError("the proof's signature algorithm does not belong to its key")


def _ec_kind(key: ec.EllipticCurvePublicKey) -> bytes:
    return b"ecdsa-sha2-nistp" + str(key.curve.key_size).encode()


def _decode(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise PkiError(f"the proof's {what} is not base64") from None


class _Reader:
    """Takes wire types off the front of a blob."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self._at = 0

    def take(self, size: int, what: str) -> bytes:
        taken = self._blob[self._at : self._at + size]
        if len(taken) != size:
            raise PkiError(f"the proof's {what} is cut short")
        self._at += size
        return taken

    def number(self, what: str) -> int:
        found: int = struct.unpack(">I", self.take(4, what))[0]
        return found

    def string(self, what: str) -> bytes:
        return self.take(self.number(what), what)

    def mpint(self, what: str) -> int:
        """A positive number in its shortest form."""
        raw = self.string(what)
        if not raw or raw[0] & 0x80 or (raw[0] == 0 and (len(raw) == 1 or not raw[1] & 0x80)):
            raise PkiError(f"the proof's {what} holds a malformed number")
        return int.from_bytes(raw, "big")

    def end(self, what: str) -> None:
        if self._at != len(self._blob):
            raise PkiError(f"the proof's {what} has something after its end")
