"""Signs agent packages with the fleet's release key, in two forms that hosts can check with what they have.

    der     ECDSA-Sig-Value over the file's SHA-256    openssl dgst -sha256 -verify release.pem -signature FILE.sig FILE
    sshsig  OpenSSH's detached signature               ssh-keygen -Y verify -n stella-release@stella-ops …

The key is ECDSA on P-256: every OpenSSL since 0.9.8 and every OpenSSH since 5.7 knows it. It is kept as PKCS #8 in
``release.key``, encrypted where the CA has a passphrase, else readable by its owner only.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from stella_ops import atomic_files
from stella_ops.errors import ReleaseError

KEY_NAME = "release.key"
NAMESPACE = "stella-release@stella-ops"

_BACKUP = "put back a backup of it; hosts that were told another key refuse packages signed with a new one"
_MAGIC = b"SSHSIG"
_KIND = b"ecdsa-sha2-nistp256"
_LINE = 70  # ssh-keygen's own line length


@dataclass(frozen=True, slots=True)
class PackageSignature:
    """One file's signature in both forms; ``sshsig`` is armored text with a newline at its end."""

    der: bytes
    sshsig: str


class ReleaseKey:
    """Made by ``load_or_create``. ``encrypted`` tells whether the key is so at rest."""

    def __init__(self, path: Path, key: ec.EllipticCurvePrivateKey, *, encrypted: bool) -> None:
        self.path = path
        self.encrypted = encrypted
        self._key = key

    def __repr__(self) -> str:
        return f"ReleaseKey({str(self.path)!r})"

    @classmethod
    def load_or_create(cls, folder: Path, passphrase: bytes | None) -> ReleaseKey:
        """Load the key in a folder; make it first when there is none. Safe when several do so at once.

        Args:
            folder: what it is kept in; made with mode 0700.
            passphrase: encrypts the key at rest; None leaves it in the clear, mode 0600.

        Raises:
            ReleaseError: it cannot be read, made or decrypted, or is no such key.
        """
        path = folder / KEY_NAME
        try:
            if not path.exists():
                _create(path, passphrase)
            pem = path.read_bytes()
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
        except OSError as problem:
            raise ReleaseError(
                f"the release key cannot be kept: {problem.strerror or problem}", where=problem.filename or path
            ) from None
        key, encrypted = _read(path, pem, passphrase)
        return cls(path, key, encrypted=encrypted)

    @property
    def public_pem(self) -> str:
        """The public key as SubjectPublicKeyInfo in PEM, for ``openssl``."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    @property
    def public_ssh(self) -> str:
        """The public key as one line ``ecdsa-sha2-nistp256 BASE64``, for ``ssh-keygen``; no newline."""
        return self._key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")

    def sign(self, data: bytes) -> PackageSignature:
        """Sign a file's bytes."""
        algorithm = ec.ECDSA(hashes.SHA256())
        return PackageSignature(der=self._key.sign(data, algorithm), sshsig=self._sshsig(data, algorithm))

    def _sshsig(self, data: bytes, algorithm: ec.ECDSA) -> str:
        """Source: PROTOCOL.sshsig of OpenSSH; RFC 5656, section 3.1.2, for what is in the signature's blob."""
        described = (NAMESPACE.encode(), b"", b"sha512")
        signed = _MAGIC + _strings(*described, hashlib.sha512(data).digest())
        r, s = decode_dss_signature(self._key.sign(signed, algorithm))
        public = base64.b64decode(self.public_ssh.split()[1])
        signature = _strings(_KIND, _strings(_mpint(r), _mpint(s)))
        blob = _MAGIC + struct.pack(">I", 1) + _strings(public, *described, signature)
        text = base64.b64encode(blob).decode("ascii")
        lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
        return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def _create(path: Path, passphrase: bytes | None) -> None:
    """Write a new key to ``path``, whole or not at all; one that is there by then is kept."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    encryption: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    atomic_files.create(path, pem)


def _read(path: Path, pem: bytes, passphrase: bytes | None) -> tuple[ec.EllipticCurvePrivateKey, bool]:
    encrypted = b"ENCRYPTED" in pem
    if encrypted and passphrase is None:
        raise ReleaseError(
            "the release key is encrypted, and no passphrase is configured",
            where=path,
            hint="set passphrase_file or passphrase_env in [ca] of stella.toml",
        )
    try:
        key = load_pem_private_key(pem, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if encrypted:
            raise ReleaseError(
                "the release key cannot be decrypted", where=path, hint="is the CA's passphrase another one now?"
            ) from None
        raise ReleaseError("the release key cannot be read", where=path, hint=_BACKUP) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ReleaseError("the release key is no ECDSA key on P-256", where=path, hint=_BACKUP)
    return key, encrypted


def _strings(*fields: bytes) -> bytes:
    """Source: RFC 4251, section 5, ``string``."""
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)


def _mpint(number: int) -> bytes:
    """A positive number in its shortest form. Source: RFC 4251, section 5, ``mpint``."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")
