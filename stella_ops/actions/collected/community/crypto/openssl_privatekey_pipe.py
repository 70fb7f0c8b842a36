"""Makes a private key, or keeps the one that is given, without a file; all of it on this machine.

The key is in the result, so that such a task wants ``no_log: true``. Check mode changes nothing about it, as there is
nothing that would be written.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from stella_ops.actions.base import ActionContext, ActionFailure, Result

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_GOOD_CURVES = frozenset(("secp224r1", "secp256k1", "secp256r1", "secp384r1", "secp521r1"))
_BY_SIZE = frozenset(("RSA", "DSA"))
ARGUMENTS: dict[str, dict[str, Any]] = {
    "content": {"type": "str", "no_log": True},
    "content_base64": {"type": "bool", "default": False},
    "return_current_key": {"type": "bool", "default": False},
    "size": {"type": "int", "default": 4096},
    "type": {
        "type": "str",
        "default": "RSA",
        "choices": ["DSA", "ECC", "Ed25519", "Ed448", "RSA", "X25519", "X448"],
    },
    "curve": {
        "type": "str",
        "choices": [
            "secp224r1",
            "secp256k1",
            "secp256r1",
            "secp384r1",
            "secp521r1",
            "secp192r1",
            "brainpoolP256r1",
            "brainpoolP384r1",
            "brainpoolP512r1",
            "sect163k1",
            "sect163r2",
            "sect233k1",
            "sect233r1",
            "sect283k1",
            "sect283r1",
            "sect409k1",
            "sect409r1",
            "sect571k1",
            "sect571r1",
        ],
    },
    "passphrase": {"type": "str", "no_log": True},
    "cipher": {"type": "str", "default": "auto"},
    "format": {"type": "str", "default": "auto_ignore", "choices": ["pkcs1", "pkcs8", "raw", "auto", "auto_ignore"]},
    "format_mismatch": {"type": "str", "default": "regenerate", "choices": ["regenerate", "convert"]},
    "select_crypto_backend": {"type": "str", "default": "auto", "choices": ["auto", "cryptography"]},
    "regenerate": {
        "type": "str",
        "default": "full_idempotence",
        "choices": ["never", "fail", "partial_idempotence", "full_idempotence", "always"],
    },
}


class _Wanted(NamedTuple):
    type: str
    size: int
    curve: str | None
    passphrase: bytes | None
    format: str


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Return ``privatekey`` (where it is new, or is asked for), ``fingerprint``, ``type``, ``size`` and ``curve``."""
    args = {**{name: each.get("default") for name, each in ARGUMENTS.items()}, **args}
    if args["type"] == "ECC" and args["curve"] is None:
        raise ActionFailure("type is ECC but all of the following are missing: curve")
    if args["passphrase"] and args["cipher"] != "auto":
        raise ActionFailure('Cryptography backend can only use "auto" for cipher option.')
    passphrase = None if args["passphrase"] is None else str(args["passphrase"]).encode()
    wanted = _Wanted(str(args["type"]), int(args["size"]), args["curve"], passphrase, str(args["format"]))
    given = _given(args)
    key, changed = _kept(given, wanted, args), False
    warnings = []
    if key is None:
        key, changed = _made(wanted), True
        if wanted.type == "ECC" and wanted.curve not in _GOOD_CURVES:
            warnings.append(f"Elliptic curves of type {wanted.curve} should not be used for new keys!")
    elif args["format_mismatch"] == "convert" and not _has_format(given, wanted):
        changed = True
    result: Result = {
        "changed": changed,
        "type": wanted.type,
        "size": wanted.size,
        "fingerprint": _fingerprint(key),
        **({"curve": wanted.curve} if wanted.type == "ECC" else {}),
        **({"warnings": warnings} if warnings else {}),
    }
    data = _written(key, wanted) if changed else given
    if data is not None and (changed or args["return_current_key"]):
        raw = _format_of(data) == "raw"
        result["privatekey"] = base64.b64encode(data).decode() if raw else data.decode()
    return result


def _given(args: dict[str, Any]) -> bytes | None:
    if args["content"] is None:
        return None
    if not args["content_base64"]:
        return str(args["content"]).encode()
    try:
        return base64.b64decode(str(args["content"]))
    except binascii.Error as problem:
        raise ActionFailure(f"Cannot decode Base64 encoded data: {problem}") from None


def _kept(given: bytes | None, wanted: _Wanted, args: dict[str, Any]) -> PrivateKeyTypes | None:
    """The key that is given, where it is to stay; None where another one is to be made."""
    rule = args["regenerate"]
    if rule == "always" or given is None:
        return None
    key = _read(given, wanted)
    if key is None:
        if rule == "full_idempotence":
            return None
        raise ActionFailure(
            "Unable to read the key. The key is protected with a another passphrase / no passphrase or broken.",
            _hint="`regenerate: full_idempotence` or `always` makes another one",
        )
    if rule == "never":
        return key
    fits, what = _fits(key, wanted), "type and/or size"
    if fits and args["format_mismatch"] == "regenerate":
        fits, what = _has_format(given, wanted), "format"
    if fits:
        return key
    if rule == "fail":
        hint = "`regenerate: partial_idempotence`, `full_idempotence` or `always` makes another one"
        raise ActionFailure(f"Key has wrong {what}. Will not proceed.", _hint=hint)
    return None


def _read(data: bytes, wanted: _Wanted) -> PrivateKeyTypes | None:
    """A key of bytes; None where they are none, or the passphrase is another one."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, x448, x25519
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        if _format_of(data) != "raw":
            return load_pem_private_key(data, wanted.passphrase)
        if wanted.passphrase is not None:
            return None
        if len(data) == 32 and wanted.type == "Ed25519":
            return ed25519.Ed25519PrivateKey.from_private_bytes(data)
        if len(data) == 32:
            return x25519.X25519PrivateKey.from_private_bytes(data)
        if len(data) == 57:
            return ed448.Ed448PrivateKey.from_private_bytes(data)
        return x448.X448PrivateKey.from_private_bytes(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _format_of(data: bytes) -> str:
    """``pkcs1``, ``pkcs8`` or ``raw``, by what a PEM block is called (RFC 7468)."""
    first = data.lstrip().partition(b"\n")[0].strip()
    if not first.startswith(b"-----BEGIN "):
        return "raw"
    return "pkcs8" if first in (b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN ENCRYPTED PRIVATE KEY-----") else "pkcs1"


def _wanted_format(wanted: _Wanted) -> str:
    if wanted.format not in ("auto", "auto_ignore"):
        return wanted.format
    return "pkcs1" if wanted.type in (*_BY_SIZE, "ECC") else "pkcs8"


def _has_format(data: bytes | None, wanted: _Wanted) -> bool:
    return wanted.format == "auto_ignore" or data is None or _format_of(data) == _wanted_format(wanted)


def _fits(key: PrivateKeyTypes, wanted: _Wanted) -> bool:
    """Whether a key has the type that is wanted, and the size or curve."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    for kind, one in (("RSA", rsa.RSAPrivateKey), ("DSA", dsa.DSAPrivateKey)):
        if isinstance(key, one):
            return wanted.type == kind and key.key_size == wanted.size
    if isinstance(key, ec.EllipticCurvePrivateKey):
        curve = getattr(ec, _class_of(wanted.curve)) if wanted.curve else None
        return wanted.type == "ECC" and curve is not None and key.curve.name == curve.name
    return type(key).__name__.removesuffix("PrivateKey") == wanted.type


def _class_of(curve: str) -> str:
    """What ``cryptography`` calls a curve: secp256r1 is SECP256R1 there, brainpoolP256r1 BrainpoolP256R1."""
    return f"B{curve[1:-2]}R1" if curve.startswith("brainpool") else curve.upper()


def _made(wanted: _Wanted) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519

    try:
        match wanted.type:
            case "RSA":
                return rsa.generate_private_key(public_exponent=65537, key_size=wanted.size)
            case "DSA":
                return dsa.generate_private_key(key_size=wanted.size)
            case "ECC":
                return ec.generate_private_key(getattr(ec, _class_of(str(wanted.curve)))())
            case "Ed25519":
                return ed25519.Ed25519PrivateKey.generate()
            case "Ed448":
                return ed448.Ed448PrivateKey.generate()
            case "X25519":
                return x25519.X25519PrivateKey.generate()
            case _:
                return x448.X448PrivateKey.generate()
    except UnsupportedAlgorithm:
        text = f"Cryptography backend does not support the algorithm required for {wanted.type}"
        raise ActionFailure(text) from None
    except ValueError as problem:
        raise ActionFailure(f"no {wanted.type} key of this size can be made: {problem}") from None


def _written(key: PrivateKeyTypes, wanted: _Wanted) -> bytes:
    from cryptography.hazmat.primitives import serialization

    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if wanted.passphrase:
        protection = serialization.BestAvailableEncryption(wanted.passphrase)
    encoding, form = {
        "pkcs1": (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL),
        "pkcs8": (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8),
        "raw": (serialization.Encoding.Raw, serialization.PrivateFormat.Raw),
    }[_wanted_format(wanted)]
    try:
        return key.private_bytes(encoding, form, protection)
    except ValueError:
        text = f'Cryptography backend cannot serialize the private key in the required format "{wanted.format}"'
        raise ActionFailure(text) from None


def _fingerprint(key: PrivateKeyTypes) -> dict[str, str]:
    """Digests of the public key (SubjectPublicKeyInfo in DER), by the name of the algorithm."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = {}
    for name in sorted(hashlib.algorithms_guaranteed):
        digest = hashlib.new(name, public, usedforsecurity=False)
        text = digest.hexdigest(32) if name.startswith("shake_") else digest.hexdigest()  # type: ignore[call-arg]
        found[name] = ":".join(text[at : at + 2] for at in range(0, len(text), 2))
    return found
