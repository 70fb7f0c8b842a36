"""The form of encrypted data, by ansible-core's documentation ("Format of files encrypted with Ansible Vault").

    $ANSIBLE_VAULT;1.2;AES256;prod          1.1 has no vault id
    3061323363346134383765383366633364…     hex of: hex of the salt, of the HMAC and of the ciphertext, a line each

The outer hex is written in lines of 80 characters.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from stella_ops.errors import VaultError

MARK = "$ANSIBLE_VAULT"
DEFAULT_ID = "default"
_VERSIONS = ("1.1", "1.2")
_CIPHER = "AES256"
_WIDTH = 80
_HMAC_SIZE = 32
_BLOCK = 16
_DAMAGED = "restore it from a backup or from version control"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Encrypted data taken apart; ``vault_id`` is None where the data names none."""

    salt: bytes
    hmac: bytes
    ciphertext: bytes
    vault_id: str | None


def is_encrypted(data: str | bytes) -> bool:
    """Whether data claims to be encrypted, by its first characters."""
    return data.startswith(MARK) if isinstance(data, str) else data.startswith(MARK.encode())


def vault_id_of(data: str | bytes) -> str | None:
    """The vault id that the first line names, if any; raises VaultError."""
    return _header(_lines(data)[0])


def open_envelope(data: str | bytes) -> Envelope:
    """Take encrypted data apart.

    Raises:
        VaultError: it is damaged, or of a form that is not known.
    """
    first, *rest = _lines(data)
    vault_id = _header(first)
    body = _unhex("".join(line.strip() for line in rest), "its body")
    parts = body.split(b"\n", 2)
    if len(parts) < 3:
        raise VaultError("the encrypted data is damaged: its body is cut short", hint=_DAMAGED)
    names = ("its salt", "its checksum", "its content")
    salt, hmac, ciphertext = (_unhex(part, name) for part, name in zip(parts, names, strict=True))
    if not salt or len(hmac) != _HMAC_SIZE or not ciphertext or len(ciphertext) % _BLOCK:
        raise VaultError("the encrypted data is damaged: a part of it has the wrong length", hint=_DAMAGED)
    return Envelope(salt, hmac, ciphertext, vault_id)


def seal(salt: bytes, hmac: bytes, ciphertext: bytes, vault_id: str | None) -> bytes:
    """Encrypted data as it is written: format 1.2 with a vault id that is not ``default``, else 1.1.

    Raises:
        VaultError: the vault id cannot stand in the first line.
    """
    header = f"{MARK};1.1;{_CIPHER}"
    if vault_id and vault_id != DEFAULT_ID:
        check_vault_id(vault_id)
        header = f"{MARK};1.2;{_CIPHER};{vault_id}"
    body = b"\n".join(part.hex().encode() for part in (salt, hmac, ciphertext)).hex()
    lines = [header, *(body[start : start + _WIDTH] for start in range(0, len(body), _WIDTH)), ""]
    return "\n".join(lines).encode()


def check_vault_id(vault_id: str) -> None:
    """Raise VaultError where a vault id cannot stand in the first line of encrypted data."""
    if ";" in vault_id or not vault_id.isprintable() or vault_id != vault_id.strip():
        raise VaultError(f"{vault_id!r} is no vault id", hint="no ';', no line ends, no white space around it")


def _lines(data: str | bytes) -> list[str]:
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        raise VaultError("the encrypted data is damaged: it is no text", hint=_DAMAGED) from None
    lines = text.strip().splitlines()
    if not lines or not is_encrypted(lines[0]):
        raise VaultError(
            "Input is not vault encrypted data: it does not begin with $ANSIBLE_VAULT",
            hint="encrypt it with 'stella-ops vault encrypt' or 'encrypt_string'",
        )
    return lines


def _header(line: str) -> str | None:
    mark, *fields = (field.strip() for field in line.split(";", 3))
    if mark != MARK or len(fields) < 2:
        raise VaultError(
            "the first line of the encrypted data is damaged", hint=f"it should look like {MARK};1.1;{_CIPHER}"
        )
    version, cipher = fields[0], fields[1]
    if version not in _VERSIONS:
        raise VaultError(
            f"vault format {version[:20]!r} is not known",
            hint="known are 1.1 and 1.2; what ansible-vault 1.0 wrote must be rekeyed by an ansible-vault of its time",
        )
    if cipher != _CIPHER:
        raise VaultError(f"the vault cipher {cipher[:20]!r} is not known", hint=f"the one there is is {_CIPHER}")
    return fields[2] if len(fields) > 2 and fields[2] else None


def _unhex(text: str | bytes, what: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:  # also binascii.Error, and characters beyond ASCII
        raise VaultError(
            f"Vault format unhexlify error: the encrypted data is damaged: {what} is not hexadecimal", hint=_DAMAGED
        ) from None
