"""SSH key pairs of the lab: ed25519, in OpenSSH's own file format."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from stella_ops.errors import LabError


def ensure_key(path: Path) -> str:
    """Make a key pair at ``path`` (0600) and ``path``.pub unless it is there, and return the public line.

    The line is ``ssh-ed25519 AAAA…`` without a comment. A private key that cannot be read is a ``LabError``.
    """
    try:
        private = load_ssh_private_key(path.read_bytes(), password=None)
        path.chmod(0o600)
    except FileNotFoundError:
        private = _make(path)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise LabError(f"the lab's key cannot be read: {problem}", where=path, hint="remove the file") from None
    line = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")
    path.with_name(path.name + ".pub").write_text(f"{line} {path.name}\n", encoding="ascii")
    return line


def _make(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    # Written beside and moved into place: a process killed halfway leaves no half key behind.
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as stream:
        stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    part.replace(path)
    return key
