"""Password hashes for ``/etc/shadow`` and its kin, made by the system's libcrypt."""

from __future__ import annotations

import functools
import secrets
import string
from collections.abc import Callable
from typing import Any, NamedTuple

from stella_ops.errors import TemplateError
from stella_ops.spelling import did_you_mean
from stella_ops.templating.lazy import plain_text

_SALT = string.ascii_letters + string.digits + "./"
_BCRYPT_LAST = ".Oeu"  # 22 characters hold 132 bits, of which the salt has 128: the last one is one of these
_STATE = 1 << 18  # bytes for ``struct crypt_data``: 131,232 in glibc, 32,768 in libxcrypt


class Scheme(NamedTuple):
    """A way to hash.

    Attributes:
        ident: what the hash begins with, between dollar signs.
        salt: characters that a new salt has, and the most that one may have.
        rounds: what ansible-core asks for where nothing else is said; None where there are none.
        unsaid: the rounds that a hash need not name.
    """

    ident: str
    salt: int
    rounds: int | None = None
    unsaid: int | None = None


_SCHEMES = {
    "md5_crypt": Scheme("1", 8),
    "sha256_crypt": Scheme("5", 16, 535_000, 5000),
    "sha512_crypt": Scheme("6", 16, 656_000, 5000),
    "bcrypt": Scheme("2b", 22, 12),
}
_SHORT = {"md5": "md5_crypt", "blowfish": "bcrypt", "sha256": "sha256_crypt", "sha512": "sha512_crypt"}
_IDENTS = ("2", "2a", "2b", "2x", "2y")


def scheme(name: str) -> Scheme:
    """A scheme by its short or passlib's name.

    Raises:
        TemplateError: there is none of that name.
    """
    known = _SCHEMES.get(_SHORT.get(name, name))
    if known is None:
        names = [*_SHORT, *_SCHEMES]
        hint = did_you_mean(name, names) or f"known: {', '.join(names)}"
        raise TemplateError(
            f"{name} is not in the list of supported passlib algorithms: md5, blowfish, sha256, sha512", hint=hint
        )
    return known


def new_salt(length: int) -> str:
    """Random characters that may stand in a salt."""
    return "".join(secrets.choice(_SALT) for _ in range(length))


def password_hash(
    password: Any,
    hashtype: str = "sha512",
    salt: Any = None,
    salt_size: int | None = None,
    rounds: int | None = None,
    ident: str | None = None,
) -> str:
    """A password's hash, fit for ``/etc/shadow``.

    Args:
        hashtype: sha512, sha256, blowfish (bcrypt) or md5.
        salt: the same password and salt give the same hash; random where it is not given.
        salt_size: characters of a random salt.
        rounds: the work; 656,000 for sha512, 535,000 for sha256, 2 to the 12th for bcrypt.
        ident: the variant of bcrypt: 2b, 2a, 2y.
    """
    if not isinstance(password, str):
        raise TemplateError(
            f"password_hash: the password must be text, not {type(password).__name__}", hint="add  | string"
        )
    kind = scheme(hashtype)
    return crypted(plain_text(password), kind, _settings(kind, salt, salt_size, rounds, ident))


def _settings(kind: Scheme, salt: Any, salt_size: int | None, rounds: int | None, ident: str | None) -> str:
    if salt_size is not None and not isinstance(salt_size, int):
        raise TemplateError("salt_size must be an integer")
    text = plain_text(salt) if salt else new_salt(salt_size or kind.salt)
    if any(character not in _SALT for character in text):
        raise TemplateError("password_hash: a salt is made of letters, digits, '.' and '/'")
    work = int(rounds) if rounds else kind.rounds
    if kind.ident == "2b":
        if len(text) != kind.salt:
            raise TemplateError(f"password_hash: a salt of bcrypt has {kind.salt} characters, not {len(text)}")
        if ident and ident not in _IDENTS:
            raise TemplateError(f"password_hash: unknown ident '{ident}'", hint=f"known: {', '.join(_IDENTS)}")
        last = _BCRYPT_LAST[_bcrypt_value(text[-1]) >> 4]
        return f"${ident or kind.ident}${work:02d}${text[:-1]}{last}"
    if len(text) > kind.salt:
        raise TemplateError(f"password_hash: the salt has {len(text)} characters, and may have {kind.salt}")
    said = "" if work is None or work == kind.unsaid else f"rounds={work}$"
    return f"${kind.ident}${said}{text}"


def _bcrypt_value(character: str) -> int:
    return ("./" + string.ascii_uppercase + string.ascii_lowercase + string.digits).index(character)


def crypted(password: str, kind: Scheme, settings: str) -> str:
    """What libcrypt makes of a password.

    Raises:
        TemplateError: there is no libcrypt, or it does not know this scheme.
    """
    if "\0" in password:
        raise TemplateError("password_hash: a password cannot hold the character NUL")
    function = _libcrypt()
    made: bytes | None = None
    if function is not None:
        import ctypes

        state = ctypes.create_string_buffer(_STATE)
        made = function(password.encode(), settings.encode("ascii"), state)
    text = made.decode("ascii") if made else ""
    if text.startswith(f"${settings.split('$')[1]}$"):  # failure is "*0" or "*1"
        return text
    raise TemplateError(
        f"password_hash: this machine's libcrypt cannot make '${settings.split('$')[1]}$' hashes",
        hint="install libcrypt (Debian: libcrypt1), or choose sha512",
    )


@functools.cache
def _libcrypt() -> Any:
    import ctypes  # few templates hash a password
    import ctypes.util

    name = ctypes.util.find_library("crypt") or "libcrypt.so.1"
    try:
        function = ctypes.CDLL(name).crypt_r
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_char_p
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p]
    return function


FILTERS: dict[str, Callable[..., Any]] = {"password_hash": password_hash}
