"""Filters ``vault`` and ``unvault``: texts encrypted with a password that the template has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stella_ops.errors import TemplateError, VaultError
from stella_ops.templating.lazy import plain_text
from stella_ops.vault.envelope import is_encrypted
from stella_ops.vault.keyring import Keyring, Secret

_VAULT_ID = "filter_default"


def vault(data: Any, secret: Any, salt: Any = None, vault_id: str = _VAULT_ID, wrap_object: Any = False) -> str:
    """A text, encrypted. A salt of one's own makes the result the same each time, and is best left out.

    Raises:
        TemplateError: no password; a vault id that cannot be written.
    """
    from stella_ops.vault.cipher import encrypt

    own = None if salt is None else plain_text(salt).encode()
    try:
        return encrypt(_text(data, "vault").encode(), _password(secret, "vault"), str(vault_id), salt=own).decode()
    except VaultError as problem:
        raise TemplateError(f"Unable to encrypt: {problem.message}", hint=problem.hint) from None


def unvault(data: Any, secret: Any, vault_id: str = _VAULT_ID) -> str:
    """A text, decrypted; one that is not encrypted stays as it is.

    Raises:
        TemplateError: the password is another, or the text is damaged.
    """
    text, password = _text(data, "unvault"), _password(secret, "unvault")
    if not is_encrypted(text):
        return text
    try:
        return Keyring([Secret(str(vault_id), password)]).decrypt(text).decode("utf-8", "surrogateescape")
    except VaultError as problem:
        raise TemplateError(f"Unable to decrypt: {problem.message}", hint=problem.hint) from None


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str | bytes):
        raise TemplateError(f"filter '{name}' takes text, not {type(value).__name__}")
    return plain_text(value)


def _password(value: Any, name: str) -> bytes:
    if not isinstance(value, str | bytes):
        raise TemplateError(f"filter '{name}' needs its password as text")
    return plain_text(value).encode()


FILTERS: dict[str, Callable[..., Any]] = {"vault": vault, "unvault": unvault}
