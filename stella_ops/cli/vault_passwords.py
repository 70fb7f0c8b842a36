"""The vault passwords of a command line: asked for, read, taken up, and kept out of all that is printed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from stella_ops.cli.secrets import REDACTOR
from stella_ops.vault.keyring import Keyring, take_up

if TYPE_CHECKING:
    from stella_ops.vault.passwords import Environment


def take_up_passwords(vault_ids: Sequence[str], password_files: Sequence[str], *, ask: bool) -> None:
    """Have everything that is read from here on decrypted by the passwords that options and environment name.

    Raises:
        VaultError: none of the named sources has a password.
    """
    told = any(name.startswith("ANSIBLE_VAULT") or name == "ANSIBLE_ASK_VAULT_PASS" for name in os.environ)
    if not (vault_ids or password_files or ask or told):
        take_up(Keyring())  # what a command before this one in the same process had is none of this one's
        return
    from stella_ops.vault.passwords import Environment, sources

    environment = Environment.of(os.environ)
    take_up(keyring_of(sources(environment, vault_ids, password_files, ask=ask), environment))


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
