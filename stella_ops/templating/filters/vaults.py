"""Filters ``vault`` and ``unvault``: texts encrypted with a password that the template has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stella_ops.collections import current
from stella_ops.errors import TemplateError, VaultError
from stella_ops.templating.lazy import plain_text
from stella_ops.vault.envelope import is_encrypted
from stella_ops.vault.keyring import Keyring, Secret

_VAULT_ID = "filter_default"


def vault(
    data: Any,
    secret: Any,
    salt: Any = None,
    vault_id: str = _VAULT_ID,
    wrap_object: Any = False,
    vaultid: Any = None,
) -> str:
    """A text, encrypted. A salt of one's own makes the result the same each time, and is best left out.

    Args:
        wrap_object: of no meaning here: what is encrypted is text.
        vaultid: an old name of ``vault_id``.

    Raises:
        TemplateError: no password; a vault id that cannot be written.
    """
    from stella_ops.vault.cipher import encrypt

    password, text = _password(secret), _text(data, "Can only vault strings")
    own = None if salt is None else plain_text(salt).encode()
    if own == b"":
        raise TemplateError("Unable to encrypt: Empty or invalid salt passed to encrypt()")
    try:
        return encrypt(text.encode(), password, _name(vault_id, vaultid), salt=own).decode()
    except VaultError as problem:
        raise TemplateError(f"Unable to encrypt: {problem.message}", hint=problem.hint) from None


def unvault(data: Any, secret: Any, vault_id: str = _VAULT_ID, vaultid: Any = None) -> str:
    """A text, decrypted; one that is not encrypted stays as it is.

    Raises:
        TemplateError: the password is another, or the text is damaged.
    """
    password, text = _password(secret), _text(data, "Vault should be in the form of a string")
    if not is_encrypted(text):
        return text
    try:
        return Keyring([Secret(_name(vault_id, vaultid), password)]).decrypt(text).decode("utf-8", "surrogateescape")
    except VaultError as problem:
        raise TemplateError(f"Unable to decrypt: {problem.message}", hint=problem.hint) from None


def _text(value: Any, wanted: str) -> str:
    if not isinstance(value, str | bytes):
        raise TemplateError(f"{wanted}, instead we got {type(value)}.")
    return plain_text(value)


def _password(value: Any) -> bytes:
    return _text(value, "Secret passed is required to be a string").encode()


def _name(vault_id: Any, old: Any) -> str:
    if old is None:
        return str(vault_id)
    current().say("Use of undocumented `vaultid`. Use `vault_id` instead.", deprecated=True)
    if vault_id != _VAULT_ID:
        current().say("Ignoring vaultid as vault_id is already set.")
        return str(vault_id)
    return str(old)


FILTERS: dict[str, Callable[..., Any]] = {"vault": vault, "unvault": unvault}
