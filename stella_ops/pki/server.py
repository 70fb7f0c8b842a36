"""The orchestrator's own key and certificate, which the fleet's authority signs.

    orchestrator/server.key   PKCS #8, mode 0600; kept for good, since installers pin it
    orchestrator/server.crt   the chain, leaf first; renewed when a third of its life is left, for the same key

The key is not encrypted: a server must start without anybody there.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from stella_ops import atomic_files
from stella_ops.errors import PkiError
from stella_ops.file_locks import locked
from stella_ops.pki.authority import CertificateAuthority

# In every server certificate, so that a peer behind a tunnel, who knows no address, has a name to insist on.
INTERNAL_NAME = "orchestrator.stella-ops.internal"

KEY_FILE = "server.key"
CERTIFICATE_FILE = "server.crt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerIdentity:
    """What a server answers with. Made by ``load_or_create``.

    Attributes:
        public_key_pin: base64 of the SHA-256 of the key's SubjectPublicKeyInfo, as curl's ``sha256//`` wants it.
        public_key_sha256: the same in hex.
        certificate_sha256: of the certificate's DER, in hex.
        names: the DNS names and addresses in the certificate, sorted.
        renewed: whether the certificate was made by this very call.
    """

    cert_file: Path
    key_file: Path
    public_key_pin: str
    public_key_sha256: str
    certificate_sha256: str
    names: tuple[str, ...]
    not_after: datetime
    renewed: bool

    @classmethod
    def load_or_create(
        cls, folder: Path, ca: CertificateAuthority, names: Sequence[str], clock: Callable[[], datetime]
    ) -> ServerIdentity:
        """Load the identity in a folder; make or renew what is missing. Safe when several do so at once.

        The certificate is made anew when it lacks one of ``names`` or ``INTERNAL_NAME``, was signed by another
        authority, or has a third of its life left or less. One that only lacks names keeps those it has: where two
        programs call the server differently, they must not take turns in making it.

        Raises:
            PkiError: the files cannot be read or written, the key is damaged, or a name cannot be in a certificate.
        """
        wanted = tuple(dict.fromkeys((*map(str.lower, names), INTERNAL_NAME)))
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(folder / "lock"):
                key = _load_key(folder / KEY_FILE)
                chain = _load_chain(folder / CERTIFICATE_FILE)
                had = _names(chain[0]) if chain and _is_good(chain, key, ca, clock()) else set()
                renewed = not had.issuperset(wanted)
                if renewed:
                    wanted = tuple(dict.fromkeys((*wanted, *sorted(had))))
                    issued = ca.issue_server_certificate(key.public_key(), names=wanted, now=clock())
                    atomic_files.write(folder / CERTIFICATE_FILE, issued.pem, mode=0o644)
                    chain = x509.load_pem_x509_certificates(issued.pem.encode())
        except OSError as problem:
            raise PkiError(
                f"the server's key or certificate cannot be read or written: {problem.strerror}",
                where=problem.filename or folder,
            ) from None
        spki = hashlib.sha256(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        return cls(
            cert_file=folder / CERTIFICATE_FILE,
            key_file=folder / KEY_FILE,
            public_key_pin=base64.b64encode(spki.digest()).decode(),
            public_key_sha256=spki.hexdigest(),
            certificate_sha256=chain[0].fingerprint(hashes.SHA256()).hex(),
            names=tuple(sorted(_names(chain[0]))),
            not_after=chain[0].not_valid_after_utc,
            renewed=renewed,
        )


def _is_good(
    chain: list[x509.Certificate], key: ec.EllipticCurvePrivateKey, ca: CertificateAuthority, now: datetime
) -> bool:
    leaf = chain[0]
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain).decode()
    return (
        leaf.public_key() == key.public_key()
        and leaf.not_valid_before_utc <= now
        and leaf.not_valid_after_utc - now > life / 3
        and ca.signed(pem)
    )


def _names(leaf: x509.Certificate) -> set[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in found}


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        key = ec.generate_private_key(ec.SECP256R1())
        atomic_files.write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError(
            "the server's key is damaged, or not of a kind made here",
            where=path,
            hint="put back a backup; when it is removed a new one is made, and installers that pin the old one fail",
        )
    return key


def _load_chain(path: Path) -> list[x509.Certificate]:
    """The chain in the file; nothing when there is none to go by, for it can be made again."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return []
