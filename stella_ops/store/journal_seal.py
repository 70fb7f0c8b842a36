"""Seals what a run's journal holds: results that no log may show, extra variables, what modules printed.

AES-256-GCM of the ``cryptography`` package (NIST SP 800-38D) with a random 96-bit nonce for each portion. The key is
made at the first use and stays in the project's state folder, readable by its owner alone; the store may be shared, the
key is not in it.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

from stella_ops import atomic_files
from stella_ops.errors import StoreError

KEY_FILE = "journal.key"

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FORM = b"stella-ops journal 1"


class Seal:
    """Encrypts and decrypts with one key.

    Attributes:
        key_id: tells keys apart, and says nothing of them.
    """

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(b"stella-ops journal key id " + key).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"<Seal {self.key_id}>"

    @classmethod
    def load_or_create(cls, folder: Path) -> Seal:
        """The seal of a state folder; its key is made where there is none. Safe when several do so at once.

        Raises:
            StoreError: the key cannot be read or made, or is damaged.
        """
        path = folder / KEY_FILE
        try:
            try:
                return cls(_read(path))
            except FileNotFoundError:
                _make(path)
            return cls(_read(path))
        except OSError as problem:
            raise StoreError(f"the key of journals cannot be read or made: {problem.strerror}", where=path) from None

    @classmethod
    def load(cls, folder: Path) -> Seal:
        """The seal of a state folder.

        Raises:
            StoreError: there is no key, or it cannot be read.
        """
        path = folder / KEY_FILE
        try:
            return cls(_read(path))
        except OSError as problem:
            raise StoreError(
                f"the key of journals cannot be read: {problem.strerror}",
                where=path,
                hint="a run is resumed on the controller, and in the project, that it was started in",
            ) from None

    def close(self, text: str) -> bytes:
        """A text, compressed and encrypted."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, zlib.compress(text.encode("utf-8", "surrogatepass"), 1), _FORM)

    def open(self, sealed: bytes) -> str:
        """What was sealed.

        Raises:
            StoreError: it was sealed with another key, or changed since.
        """
        from cryptography.exceptions import InvalidTag

        try:
            packed = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _FORM)
        except (InvalidTag, ValueError):
            raise StoreError("the journal of the run is damaged, or was sealed with another key") from None
        return zlib.decompress(packed).decode("utf-8", "surrogatepass")


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise StoreError(
            "the key of journals is damaged",
            where=path,
            hint="remove the file; runs that were journalled with it can then no longer be resumed",
        )
    return key


def _make(path: Path) -> None:
    atomic_files.create(path, f"{os.urandom(_KEY_BYTES).hex()}\n".encode())
