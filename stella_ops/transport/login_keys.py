"""The private keys to log in with: each file is read once for all the hosts that use it."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import asyncssh

from stella_ops.errors import AuthenticationError, InventoryError


def agent_socket(said: str | None = None) -> str | None:
    """The SSH agent's socket, if there is one. ``said`` is IdentityAgent's value."""
    path = said or os.environ.get("SSH_AUTH_SOCK")
    return path if path and Path(path).expanduser().exists() else None


@functools.lru_cache(maxsize=1024)
def load_key(path: Path, where: str) -> tuple[Any, ...]:
    """A private key as asyncssh's ``client_keys`` takes it, its certificate (``NAME-cert.pub``) with it.

    Returns nothing for a key with a passphrase: that one is the SSH agent's business.

    Raises:
        InventoryError: it cannot be read.
        AuthenticationError: it is no private key.
    """
    try:
        key = asyncssh.read_private_key(path)
    except OSError as problem:
        raise InventoryError(
            f"cannot read the private key {path}: {problem.strerror}",
            where=where,
            hint="check ansible_ssh_private_key_file",
        ) from None
    except asyncssh.KeyEncryptionError:
        return ()
    except (asyncssh.KeyImportError, ValueError) as problem:
        # Some kinds of encrypted keys are known by the passphrase that is missed.
        if "passphrase" in str(problem).lower():
            return ()
        raise AuthenticationError(
            f"{path} is no private key: {problem}", where=where, hint="check ansible_ssh_private_key_file"
        ) from None
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
