"""The cryptography of vault format 1.1 and 1.2, all of it by the library ``cryptography``.

PBKDF2 with HMAC-SHA256 makes 80 bytes of password and salt: the key of AES-256 in counter mode, the key of an
HMAC-SHA256 over the ciphertext, and the first counter. The plaintext is padded as by PKCS #7 (RFC 5652, 6.3).
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from stella_ops.vault.envelope import Envelope, seal

_ROUNDS = 10_000  # the format's own
_KEY = 32
_COUNTER = 16
_SALT = 32
_BLOCK_BITS = 128


def encrypt(plaintext: bytes, password: bytes, vault_id: str | None, *, salt: bytes | None = None) -> bytes:
    """Encrypted data with a salt of its own; raises VaultError for a vault id that cannot be written.

    Args:
        salt: in place of a random one. Equal texts under the same password and salt are equal encrypted, and
            different ones give each other away.
    """
    salt = salt or os.urandom(_SALT)
    cipher, mac = _keys(password, salt)
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    encryptor = cipher.encryptor()
    padded = padder.update(plaintext) + padder.finalize()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    mac.update(ciphertext)
    return seal(salt, mac.finalize(), ciphertext, vault_id)


def decrypt(envelope: Envelope, password: bytes) -> bytes | None:
    """The plaintext; None when the password is another, or the content was changed."""
    cipher, mac = _keys(password, envelope.salt)
    mac.update(envelope.ciphertext)
    try:
        mac.verify(envelope.hmac)  # in constant time
    except InvalidSignature:
        return None
    decryptor = cipher.decryptor()
    padded = decryptor.update(envelope.ciphertext) + decryptor.finalize()
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:  # signed by the right password, yet no program of this format wrote it
        return None


def _keys(password: bytes, salt: bytes) -> tuple[Cipher[modes.CTR], hmac.HMAC]:
    derived = PBKDF2HMAC(hashes.SHA256(), 2 * _KEY + _COUNTER, salt, _ROUNDS).derive(password)
    cipher = Cipher(algorithms.AES(derived[:_KEY]), modes.CTR(derived[2 * _KEY :]))
    return cipher, hmac.HMAC(derived[_KEY : 2 * _KEY], hashes.SHA256())
