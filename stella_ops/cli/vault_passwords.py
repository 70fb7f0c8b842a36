"""The vault passwords of a command line: asked for, read, taken up, and kept out of all that is printed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stella_ops.cli.secrets import REDACTOR
from stella_ops.vault.keyring import Keyring, take_up

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings
    from stella_ops.vault.passwords import Environment


def take_up_passwords(
    vault_ids: Sequence[str], password_files: Sequence[str], settings: AnsibleSettings, *, ask: bool
) -> None:
    """Have everything that is read from here on decrypted by the passwords that options and settings name.

    Raises:
        VaultError: none of the named sources has a password.
    """
    told = any("VAULT" in name for where in (settings.environment, settings.configured) for name in where)
    if not (vault_ids or password_files or ask or told):
        take_up(Keyring())  # what a command before this one in the same process had is none of this one's
        return
    from stella_ops.vault.passwords import sources

    environment = vault_environment(settings)
    take_up(keyring_of(sources(environment, vault_ids, password_files, ask=ask), environment))


def vault_environment(settings: AnsibleSettings | None = None) -> Environment:
    """What is set of vault passwords.

    Args:
        settings: read here where they are not given.
    """
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.vault.envelope import DEFAULT_ID
    from stella_ops.vault.passwords import Environment

    choose = (settings or read_ansible_settings(os.environ, Path.cwd())).choose
    file = choose("DEFAULT_VAULT_PASSWORD_FILE")
    return Environment(
        label=choose("DEFAULT_VAULT_IDENTITY", default=DEFAULT_ID),
        identities=tuple(choose("DEFAULT_VAULT_IDENTITY_LIST", default=())),
        password_file=None if file is None else str(file),
        match_only=choose("DEFAULT_VAULT_ID_MATCH", default=False),
        ask=choose("DEFAULT_ASK_VAULT_PASS", default=False),
        encrypt_label=choose("DEFAULT_VAULT_ENCRYPT_IDENTITY"),
    )


def own_salt() -> bytes | None:
    """The salt that is set to encrypt with, in place of a random one."""
    from stella_ops.ansible_settings.reading import read_ansible_settings

    written = read_ansible_settings(os.environ, Path.cwd()).choose("VAULT_ENCRYPT_SALT")
    return str(written).encode() if written else None


def keyring_of(named: Sequence[str], environment: Environment, *, new: bool = False) -> Keyring:
    """The passwords of sources, as ``vault.passwords.read_keyring`` takes them.

    Raises:
        VaultError: none of them has a password.
    """
    import getpass

    from stella_ops.vault.passwords import read_keyring

    keyring = read_keyring(named, environment, getpass.getpass, _warn, new=new)
    for secret in keyring.secrets:
        REDACTOR.add(secret.password)
    return keyring


def _warn(message: str) -> None:
    click.echo(f"[WARNING]: {REDACTOR.scrub(message)}", err=True)
