"""The fleet's certificate authority: a root, an issuing certificate, and certificates for agents, operators, servers.

    ca/root.crt  root.key      ten years; the key signs the issuing certificate only and may be moved offline
    ca/issuing.crt issuing.key five years; signs agents' certificates

Keys are PKCS #8, encrypted when a passphrase is configured, else readable by their owner only.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stella_ops.errors import PkiError
from stella_ops.pki.authority_files import create_authority
from stella_ops.pki.keys import PublicKey, SigningKey, public_key_sha256

DEFAULT_VALIDITY = timedelta(days=365)
SERVER_VALIDITY = timedelta(days=90)
OPERATOR_VALIDITY = timedelta(days=365)
BACKDATE = timedelta(minutes=5)
_SOON = timedelta(days=365)
_LONGEST_COMMON_NAME = 64
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCertificate:
    """A certificate just signed. ``pem`` is the chain, leaf first, without root; ``serial`` is hex.

    ``fingerprint_sha256`` is of the leaf's DER, ``public_key_sha256`` of its SubjectPublicKeyInfo; both hex.
    """

    pem: str
    not_before: datetime
    not_after: datetime
    serial: str
    fingerprint_sha256: str
    public_key_sha256: str


_BACKUP = "put back a backup of the whole folder; a new CA would not be trusted by the agents"


class CertificateAuthority:
    """Made by ``load_or_create``. ``warnings`` are for the operator; ``created`` tells a new one."""

    def __init__(
        self,
        folder: Path,
        root: x509.Certificate,
        issuing: x509.Certificate,
        key: SigningKey,
        *,
        encrypted: bool,
        created: bool,
        warnings: list[str],
    ) -> None:
        self.folder = folder
        self.root = root
        self.issuing = issuing
        self.encrypted = encrypted
        self.created = created
        self.warnings = warnings
        self._key = key

    def __repr__(self) -> str:
        return f"CertificateAuthority({str(self.folder)!r}, pin={self.pin!r})"

    @classmethod
    def load_or_create(
        cls,
        folder: Path,
        *,
        passphrase: bytes | None,
        clock: Callable[[], datetime],
        key_type: str = "ecdsa-p256",
    ) -> CertificateAuthority:
        """Load the authority in a folder; make it first when there is none. Safe when several do so at once.

        Args:
            folder: what it is kept in; made with mode 0700.
            passphrase: encrypts the keys at rest. Without one, ``warnings`` says so.
            clock: gives the time, aware.
            key_type: for a new one: ecdsa-p256, ecdsa-p384, rsa-3072 or rsa-4096.

        Raises:
            PkiError: files are missing, damaged, do not belong together, or the passphrase is wrong.
        """
        created = create_authority(folder, passphrase=passphrase, now=clock(), key_type=key_type)
        warnings: list[str] = []
        root = _load_certificate(folder / "root.crt")
        issuing = _load_certificate(folder / "issuing.crt")
        key, encrypted = _load_key(folder / "issuing.key", passphrase)
        try:
            issuing.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature):
            raise PkiError(
                "issuing.crt was not issued by root.crt",
                where=folder,
                hint="put back a backup of the whole folder",
            ) from None
        if issuing.public_key() != key.public_key():
            raise PkiError(
                "issuing.key does not belong to issuing.crt",
                where=folder,
                hint="put back a backup of the whole folder",
            )
        if not encrypted:
            warnings.append(
                f"the CA's keys in {folder} are not encrypted; "
                + (
                    "a passphrase is configured, but they were made without one"
                    if passphrase
                    else "set passphrase_file or passphrase_env in [ca] before the first use"
                )
            )
        for name in ("root.key", "issuing.key"):
            path = folder / name
            if path.exists() and path.stat().st_mode & 0o077:
                warnings.append(f"{path} can be read by others: chmod 600 {path}")
        left = issuing.not_valid_after_utc - clock()
        if left < _SOON:
            warnings.append(f"the issuing certificate ends in {max(left.days, 0)} days")
        return cls(folder, root, issuing, key, encrypted=encrypted, created=created, warnings=warnings)

    @property
    def pin(self) -> str:
        """The SHA-256 of the root certificate's DER, as hex: what others pin to trust this authority."""
        return self.root.fingerprint(hashes.SHA256()).hex()

    @property
    def root_pem(self) -> str:
        return self.root.public_bytes(Encoding.PEM).decode()

    def signed(self, chain_pem: str) -> bool:
        """Tell whether a chain (leaf, issuing certificate) leads to this authority's root, dates aside."""
        try:
            leaf, issuing = x509.load_pem_x509_certificates(chain_pem.encode())[:2]
            issuing.verify_directly_issued_by(self.root)
            leaf.verify_directly_issued_by(issuing)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def describe(self) -> dict[str, object]:
        """What ``ca show`` tells, as plain JSON data."""
        return {
            "folder": str(self.folder),
            "pin": self.pin,
            "keys_encrypted": self.encrypted,
            "root": _describe(self.root),
            "issuing": _describe(self.issuing),
        }

    def issue_agent_certificate(
        self,
        public_key: PublicKey,
        *,
        agent_id: str,
        name: str,
        now: datetime,
        validity: timedelta = DEFAULT_VALIDITY,
        backdate: timedelta = BACKDATE,
        serial: int | None = None,
    ) -> IssuedCertificate:
        """Sign a certificate for an agent's public key. Whoever calls has checked the proof of possession.

        Args:
            agent_id: goes into the URI ``stella://agent/<agent_id>``.
            name: the common name, at most 64 characters (RFC 5280); a DNS name too where it is one.
            validity: from ``now``; cut to the issuing certificate's own end.
            backdate: how far before ``now`` it is valid, for hosts whose clocks are behind.
            serial: random by default.

        Raises:
            PkiError: the name cannot be in a certificate, or the issuing certificate has ended.
        """
        alternative: list[x509.GeneralName] = [x509.UniformResourceIdentifier(f"stella://agent/{agent_id}")]
        if is_dns_name(name):
            alternative.append(x509.DNSName(name))
        client = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._issue(public_key, name, alternative, client, now, validity, backdate, serial)

    def issue_server_certificate(
        self, public_key: PublicKey, *, names: Sequence[str], now: datetime, validity: timedelta = SERVER_VALIDITY
    ) -> IssuedCertificate:
        """Sign a certificate for the orchestrator's key: it can stand for a server and for nothing else.

        Args:
            names: the DNS names and IP addresses that it is called by; the common name is the first that fits.

        Raises:
            PkiError: a name is neither, or there is none, or the issuing certificate has ended.
        """
        alternative = [_server_name(name) for name in names]
        if not alternative:
            raise PkiError("a server's certificate needs a name")
        common = next((name for name in names if len(name) <= _LONGEST_COMMON_NAME), "orchestrator")
        server = ExtendedKeyUsageOID.SERVER_AUTH
        return self._issue(public_key, common, alternative, server, now, validity, BACKDATE, None)

    def issue_operator_certificate(
        self,
        public_key: PublicKey,
        *,
        operator_id: str,
        name: str,
        now: datetime,
        validity: timedelta = OPERATOR_VALIDITY,
    ) -> IssuedCertificate:
        """Sign a certificate for an operator's key; the URI in it is ``stella://operator/<operator_id>``.

        What the operator may do is not in it: that stands in the fleet store.

        Raises:
            PkiError: the name cannot be in a certificate, or the issuing certificate has ended.
        """
        alternative = [x509.UniformResourceIdentifier(f"stella://operator/{operator_id}")]
        client = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._issue(public_key, name, alternative, client, now, validity, BACKDATE, None)

    def _issue(
        self,
        public_key: PublicKey,
        name: str,
        alternative: Sequence[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        now: datetime,
        validity: timedelta,
        backdate: timedelta,
        serial: int | None,
    ) -> IssuedCertificate:
        # Certificates count in whole seconds.
        start = max(now - backdate, self.issuing.not_valid_before_utc).replace(microsecond=0)
        end = min(now + validity, self.issuing.not_valid_after_utc).replace(microsecond=0)
        if end <= now:
            raise PkiError(
                "the issuing certificate has ended" if validity > timedelta(0) else "the validity is not positive",
                where=self.folder / "issuing.crt",
            )
        issuer_key = self.issuing.public_key()
        try:
            builder = (
                x509.CertificateBuilder()
                .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
                .issuer_name(self.issuing.subject)
                .public_key(public_key)
                .serial_number(serial if serial is not None else x509.random_serial_number())
                .not_valid_before(start)
                .not_valid_after(end)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(_key_usage(isinstance(public_key, rsa.RSAPublicKey)), critical=True)
                .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
                .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key),  # type: ignore[arg-type]
                    critical=False,
                )
            )
            leaf = builder.sign(self._key, _hash_for(self._key))
        except (ValueError, TypeError) as problem:
            raise PkiError(f"no certificate can be made for '{name}': {problem}") from None
        return IssuedCertificate(
            pem=(leaf.public_bytes(Encoding.PEM) + self.issuing.public_bytes(Encoding.PEM)).decode(),
            not_before=start,
            not_after=end,
            serial=f"{leaf.serial_number:x}",
            fingerprint_sha256=leaf.fingerprint(hashes.SHA256()).hex(),
            public_key_sha256=public_key_sha256(public_key),
        )


def is_dns_name(name: str) -> bool:
    """Tell whether a name can stand as a DNS name (RFC 1123): an IP address or ``web_1`` cannot."""
    labels = name.split(".")
    return len(name) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def is_server_name(name: str) -> bool:
    """Tell whether a name can be in a server's certificate: a DNS name or an IP address."""
    try:
        _server_name(name)
    except PkiError:
        return False
    return True


def _server_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if not is_dns_name(name):
        raise PkiError(
            f"'{name}' is neither a DNS name nor an IP address", hint="see [orchestrator] url and names in stella.toml"
        )
    return x509.DNSName(name)


def _key_usage(encipher: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=encipher,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _hash_for(key: SigningKey) -> hashes.SHA256 | hashes.SHA384:
    return hashes.SHA384() if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256 else hashes.SHA256()


def _describe(certificate: x509.Certificate) -> dict[str, object]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "not_before": certificate.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        "not_after": certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        "fingerprint_sha256": certificate.fingerprint(hashes.SHA256()).hex(),
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise PkiError(
            f"the CA's file cannot be read: {problem.strerror}",
            where=path,
            hint=_BACKUP,
        ) from None


def _load_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError:
        raise PkiError("the CA's certificate is damaged", where=path, hint=_BACKUP) from None


def _load_key(path: Path, passphrase: bytes | None) -> tuple[SigningKey, bool]:
    pem = _read(path)
    encrypted = b"ENCRYPTED" in pem
    if encrypted and not passphrase:
        raise PkiError(
            "the CA's keys are encrypted, and no passphrase is configured",
            where=path,
            hint="set passphrase_file or passphrase_env in section [ca] of stella.toml",
        )
    try:
        key = load_pem_private_key(pem, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if encrypted:
            hint = "it was set when the CA was made; see passphrase_file and passphrase_env in [ca] of stella.toml"
            raise PkiError("the CA's passphrase is wrong", where=path, hint=hint) from None
        raise PkiError("the CA's key is damaged", where=path, hint=_BACKUP) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise PkiError("the CA's key is of a kind that cannot sign here", where=path)
    return key, encrypted
