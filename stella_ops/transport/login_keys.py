"""The private keys to log in with: each file is read once for all the hosts that use it."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import asyncssh

from stella_ops.errors import AuthenticationError, InventoryError, StellaError


def agent_socket(said: str | None = None) -> str | None:
    """The SSH agent's socket, if there is one. ``said`` is IdentityAgent's value."""
    path = said or os.environ.get("SSH_AUTH_SOCK")
    return path if path and Path(path).expanduser().exists() else None


def load_key(path: Path, where: str) -> tuple[Any, ...]:
    """A private key as asyncssh's ``client_keys`` takes it, its certificate (``NAME-cert.pub``) with it.

    Returns nothing for a key with a passphrase: that one is the SSH agent's business.

    Raises:
        InventoryError: it cannot be read.
        AuthenticationError: it is no private key.
    """
    found = _read(path)
    if isinstance(found, StellaError):
        raise type(found)(found.message, where=where, hint=found.hint)
    return found


@functools.cache
def default_keys() -> tuple[Any, ...]:
    """The keys that OpenSSH's client would offer of itself (``~/.ssh/id_ed25519`` and so on), as far as they are
    there and have no passphrase."""
    try:
        return tuple(asyncssh.public_key.load_default_keypairs())
    except (OSError, ValueError, asyncssh.KeyImportError):
        return ()


@functools.lru_cache(maxsize=1024)
def _read(path: Path) -> tuple[Any, ...] | StellaError:
    try:
        key = asyncssh.read_private_key(path)
    except OSError as problem:
        return InventoryError(
            f"cannot read the private key {path}: {problem.strerror}", hint="check ansible_ssh_private_key_file"
        )
    except asyncssh.KeyEncryptionError:
        return ()
    except (asyncssh.KeyImportError, ValueError) as problem:
        # Some kinds of encrypted keys are known by the passphrase that is missed.
        if "passphrase" in str(problem).lower():
            return ()
        return AuthenticationError(f"{path} is no private key: {problem}", hint="check ansible_ssh_private_key_file")
    try:
        certificate = asyncssh.read_certificate(f"{path}-cert.pub")
    except (OSError, asyncssh.KeyImportError, ValueError):
        return (key,)
    return ((key, certificate), key)


def locked_key_error(path: Path, where: str) -> AuthenticationError:
    """For a key with a passphrase where no agent could have it."""
    return AuthenticationError(
        f"the private key {path} has a passphrase",
        where=where,
        hint=f"load it into the SSH agent: eval $(ssh-agent); ssh-add {path}",
    )
