"""Makes the files of a new certificate authority: all of them, or none.

They are written into a folder beside the final one, which is then renamed into place, under a lock. A kill at
any point leaves either no authority or a whole one; what it left behind is swept at the next creation.
"""

from __future__ import annotations

import os
import secrets
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from stella_ops.errors import PkiError
from stella_ops.file_locks import locked
from stella_ops.pki.keys import AUTHORITY_KEYS, SigningKey

_YEAR = timedelta(days=365)
_ROOT_LIFE = 10 * _YEAR
_ISSUING_LIFE = 5 * _YEAR
# Hosts whose clocks are behind must not take a new authority for one of the future.
_BACKDATE = timedelta(hours=1)


def create_authority(folder: Path, *, passphrase: bytes | None, now: datetime, key_type: str) -> bool:
    """Make the authority's folder unless it is there; returns whether it was made.

    Raises:
        PkiError: the folder cannot be made, or the key type is unknown.
    """
    if key_type not in AUTHORITY_KEYS:
        raise PkiError(f"unknown key type '{key_type}'", hint="known: " + ", ".join(AUTHORITY_KEYS))
    try:
        if _has_files(folder):
            return False
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder.with_name(folder.name + ".lock")):
            if _has_files(folder):
                return False
            for left in folder.parent.glob(folder.name + ".new-*"):
                shutil.rmtree(left)
            new = folder.with_name(f"{folder.name}.new-{os.getpid()}")
            new.mkdir(mode=0o700)
            _write_authority(new, passphrase, now.replace(microsecond=0), key_type)
            _flush(new)
            new.rename(folder)
            _flush(folder.parent)
            return True
    except OSError as problem:
        raise PkiError(f"the CA cannot be made: {problem.strerror}", where=problem.filename or folder) from None


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _write_authority(folder: Path, passphrase: bytes | None, now: datetime, key_type: str) -> None:
    # Two fleets' roots must not share a name: trust stores are searched by it.
    fleet = secrets.token_hex(4)
    make = AUTHORITY_KEYS[key_type]
    root_key, issuing_key = make(), make()
    root_name, issuing_name = _name(f"Stella Root CA {fleet}"), _name(f"Stella Issuing CA {fleet}")
    root = _sign(root_name, root_key, root_name, root_key, now, _ROOT_LIFE, path_length=1)
    issuing = _sign(issuing_name, issuing_key, root_name, root_key, now, _ISSUING_LIFE, path_length=0)
    encryption: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    for stem, key, certificate in (("root", root_key, root), ("issuing", issuing_key, issuing)):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        _write(folder / f"{stem}.key", pem, 0o600)
        _write(folder / f"{stem}.crt", certificate.public_bytes(Encoding.PEM), 0o644)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _sign(
    subject: x509.Name,
    key: SigningKey,
    issuer: x509.Name,
    issuer_key: SigningKey,
    now: datetime,
    life: timedelta,
    *,
    path_length: int,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    strong = isinstance(issuer_key, ec.EllipticCurvePrivateKey) and issuer_key.key_size > 256
    return builder.sign(issuer_key, hashes.SHA384() if strong else hashes.SHA256())


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _flush(folder: Path) -> None:
    """Have a folder's entries on disk, so that a power cut cannot undo what was seen as done."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
