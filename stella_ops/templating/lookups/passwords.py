"""``lookup('password', FILE)``: a random password that is made once, and kept in a file of the controller."""

from __future__ import annotations

import random
import string
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops import atomic_files
from stella_ops.errors import TemplateError
from stella_ops.templating.filters.passwords import new_salt, password_hash, scheme
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.lookups.files import playbook_folder
from stella_ops.templating.lookups.inline import check_options, inline_options

_OPTIONS = ("length", "chars", "encrypt", "ident", "seed")
_CHARS = ("ascii_letters", "digits", ".,:-_")
_NOWHERE = Path("/dev/null")


class _Kept(NamedTuple):
    """What a file holds. It is a secret, and stays out of ``repr``."""

    password: str
    salt: str | None = None
    ident: str | None = None

    def __repr__(self) -> str:
        return "_Kept()"

    def text(self) -> str:
        made = self.password
        if self.salt:
            made += f" salt={self.salt}" + (f" ident={self.ident}" if self.ident else "")
        return made + "\n"


def password(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """A password from a file, made at random and written there (mode 0600) if there is none; ``/dev/null`` keeps none.

    Options: ``length`` (20), ``chars`` (names of Python's module ``string``, or characters themselves), ``encrypt``
    (the hash is returned: sha512_crypt, sha256_crypt, bcrypt, md5_crypt), ``ident`` (of bcrypt), ``seed``.
    """
    check_options(options, _OPTIONS, "password")
    given = dict(options)
    if isinstance(given.get("chars"), str):
        given["chars"] = [part.strip() for part in given["chars"].split(",")]
    found = []
    for term in terms:
        name, inline = inline_options(plain_text(term), _OPTIONS, "password")
        found.append(_password(scope, name, {**given, **inline}))
    return found


def _password(scope: Any, name: str, options: dict[str, Any]) -> str:
    path = playbook_folder(scope) / Path(name).expanduser()
    if path != _NOWHERE:
        scope.in_turn()
    kept = _read(path)
    new = kept is None
    if kept is None:
        kept = _Kept(_random(options))
    encrypt = plain_text(options["encrypt"]) if options.get("encrypt") else None
    if encrypt is not None:
        kept, changed = _salted(kept, encrypt, plain_text(options["ident"]) if options.get("ident") else None)
        new = new or changed
    if new and path != _NOWHERE:
        _write(path, kept)
    if encrypt is None:
        return kept.password
    return password_hash(kept.password, encrypt, kept.salt, ident=kept.ident)


def _salted(kept: _Kept, encrypt: str, ident: str | None) -> tuple[_Kept, bool]:
    """With what the hash needs so that it stays the same, and whether that is new."""
    kind = scheme(encrypt)
    if kept.ident and ident and kept.ident != ident:
        raise TemplateError(f"The ident parameter provided ({ident}) does not match the stored one ({kept.ident}).")
    own = kept.ident or ident or ("2b" if kind.ident == "2b" else None)
    made = kept._replace(salt=kept.salt or new_salt(kind.salt), ident=own)
    return made, made != kept


def _random(options: dict[str, Any]) -> str:
    try:
        length = int(options.get("length", 20))
    except (TypeError, ValueError):
        raise TemplateError(f"lookup 'password': 'length' is a number, not '{options['length']}'") from None
    chosen = options.get("chars", _CHARS)
    if isinstance(chosen, str):
        parts = [part for part in chosen.replace(",,", ",").split(",") if part]
        chosen = [",", *parts] if ",," in chosen else parts
    characters = "".join(str(getattr(string, plain_text(part), plain_text(part))) for part in chosen)
    characters = characters.replace('"', "").replace("'", "")
    if not characters:
        raise TemplateError("lookup 'password': 'chars' names no characters")
    seed = options.get("seed")
    generator = random.SystemRandom() if seed is None else random.Random(seed)
    return "".join(generator.choice(characters) for _ in range(length))


def _read(path: Path) -> _Kept | None:
    if path == _NOWHERE:
        return None
    try:
        content = path.read_text(encoding="utf-8").rstrip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as problem:
        raise TemplateError(f"lookup 'password': cannot read {path}: {problem}") from None
    made, mark, rest = content.rpartition(" salt=")
    if not mark:
        return _Kept(content)
    salt, mark, ident = rest.partition(" ident=")
    return _Kept(made, salt, ident if mark else None)


def _write(path: Path, kept: _Kept) -> None:
    """Put a file in its place at once, whole, for its owner alone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_files.write(path, kept.text())
    except OSError as problem:
        raise TemplateError(f"lookup 'password': cannot write {path}: {problem}") from None


LOOKUPS = {"password": password}
