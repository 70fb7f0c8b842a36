"""Functions of ansible-core that users' plug-ins import: texts, collections, booleans, versions."""

from __future__ import annotations

import json
import os
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from packaging.version import Version

from stella_ops.booleans import FALSE_WORDS, TRUE_WORDS
from stella_ops.templating.conditions.versions import Loose
from stella_ops.templating.filters.digests import digest
from stella_ops.templating.filters.mappings import combine
from stella_ops.templating.filters.numbers import bytes_of as human_to_bytes
from stella_ops.templating.filters.numbers import human_readable
from stella_ops.templating.filters.passwords import new_salt as random_salt
from stella_ops.templating.filters.passwords import password_hash
from stella_ops.templating.lookups.inline import inline_options

__all__ = ["human_to_bytes", "random_salt"]

VERSION = "2.19.0"  # of the language that is spoken here
BOOLEANS_TRUE = frozenset((*TRUE_WORDS, 1, 1.0, True))
BOOLEANS_FALSE = frozenset((*FALSE_WORDS, 0, 0.0, False))
BOOLEANS = BOOLEANS_TRUE | BOOLEANS_FALSE
AnsibleUnsafeText = str
LooseVersion, StrictVersion = Loose, Version
_ERRORS = {"surrogate_or_strict": "surrogateescape", "surrogate_or_replace": "surrogateescape"}
_ERRORS |= {"surrogate_then_replace": "surrogateescape"}


class AnsibleUnsafe:
    """What was once marked; here every text from elsewhere is data."""


def to_text(obj: Any, encoding: str = "utf-8", errors: str | None = None, nonstring: str = "simplerepr") -> Any:
    """A value as text; ``nonstring`` says what becomes of other values: simplerepr, passthru, empty, strict."""
    if isinstance(obj, str):
        return obj
    if isinstance(obj, bytes):
        return obj.decode(encoding, _ERRORS.get(errors or "surrogate_or_strict", errors or "strict"))
    return _other(obj, nonstring, "")


def to_bytes(obj: Any, encoding: str = "utf-8", errors: str | None = None, nonstring: str = "simplerepr") -> Any:
    """A value as bytes; see ``to_text``."""
    if isinstance(obj, bytes):
        return obj
    text = obj if isinstance(obj, str) else _other(obj, nonstring, "")
    if not isinstance(text, str):
        return text
    return text.encode(encoding, _ERRORS.get(errors or "surrogate_or_strict", errors or "strict"))


to_native = to_text


def _other(obj: Any, nonstring: str, empty: str) -> Any:
    if nonstring == "simplerepr":
        return str(obj)
    if nonstring == "passthru":
        return obj
    if nonstring == "empty":
        return empty
    raise TypeError(f"{obj!r} is no text")


def jsonify(data: Any, **options: Any) -> str:
    return json.dumps(data, default=str, **options)


def container_to_text(value: Any, **options: Any) -> Any:
    """Data with bytes in it as text."""
    if isinstance(value, Mapping):
        return {container_to_text(key): container_to_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(container_to_text, value))
    return to_text(value, nonstring="passthru")


def container_to_bytes(value: Any, **options: Any) -> Any:
    """Data with texts in it as bytes."""
    if isinstance(value, Mapping):
        return {container_to_bytes(key): container_to_bytes(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(container_to_bytes, value))
    return to_bytes(value, nonstring="passthru")


def is_string(value: Any) -> bool:
    return isinstance(value, str | bytes)


def is_iterable(value: Any, include_strings: bool = False) -> bool:
    return isinstance(value, Iterable) and (include_strings or not is_string(value))


def is_sequence(value: Any, include_strings: bool = False) -> bool:
    return isinstance(value, Sequence) and (include_strings or not is_string(value))


def count(values: Iterable[Any]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return found


class ImmutableDict(dict[Any, Any]):
    """A mapping that is not changed."""

    def union(self, other: Mapping[Any, Any]) -> ImmutableDict:
        return ImmutableDict({**self, **other})

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def boolean(value: Any, strict: bool = True) -> bool:
    """A word or number as a boolean; TypeError for another, unless not ``strict``."""
    word = value.strip().lower() if isinstance(value, str) else value
    if word in BOOLEANS_TRUE:
        return True
    if word in BOOLEANS_FALSE or not strict:
        return False
    raise TypeError(f"{value!r} is no boolean")


def raise_from(value: BaseException, cause: BaseException | None) -> NoReturn:
    raise value from cause


def bytes_to_human(size: Any, isbits: bool = False, unit: str | None = None) -> str:
    return human_readable(size, isbits, unit)


def merge_hash(x: Any, y: Any, recursive: bool = True, list_merge: str = "replace") -> dict[Any, Any]:
    return combine(x, y, recursive=recursive, list_merge=list_merge)


def combine_vars(a: Any, b: Any, merge: bool | None = None) -> dict[Any, Any]:
    return combine(a, b, recursive=bool(merge))


def dict_merge(a: Any, b: Any) -> dict[Any, Any]:
    return combine(a, b, recursive=True)


def recursive_diff(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> Any:
    """What is in one mapping and not in the other, as a pair; None where they are the same."""
    left = {key: value for key, value in a.items() if key not in b or b[key] != value}
    right = {key: value for key, value in b.items() if key not in a or a[key] != value}
    for key in left.keys() & right.keys():
        if isinstance(left[key], dict) and isinstance(right[key], dict):
            inner = recursive_diff(left[key], right[key])
            left[key], right[key] = inner if inner else ({}, {})
    return (left, right) if left or right else None


def parse_address(address: str, allow_ranges: bool = False) -> tuple[str, int | None]:
    """Host and port of ``name``, ``name:22``, ``[::1]:22`` and ``::1``."""
    host, colon, port = address.rpartition(":")
    bracketed = address.startswith("[")
    if colon and port.isdigit() and (host.endswith("]") if bracketed else ":" not in host):
        return host.removeprefix("[").removesuffix("]") if bracketed and ":" in host else host, int(port)
    return address.removeprefix("[").removesuffix("]") if bracketed and address.endswith("]") else address, None


def parse_kv(args: str | None, check_raw: bool = False) -> dict[str, str]:
    """``a=1 b='x y' rest``: the options of a text, and the rest as ``_raw_params``."""
    if not args:
        return {}

    class _Any(tuple[str, ...]):
        def __contains__(self, name: object) -> bool:
            return True

    rest, options = inline_options(args, _Any(), "parse_kv")
    return {**options, **({"_raw_params": rest} if rest else {})}


def wrap_var(value: Any) -> Any:
    return value


def trust_as_template(value: Any) -> Any:
    """A text as a template: whoever wrote the plug-in says that it may be one."""
    from stella_ops.origins import Origin, SourceText

    return SourceText(value, Origin("a plug-in")) if isinstance(value, str) else value


def transform_to_native_types(value: Any, redact: bool = True) -> Any:
    """The value as plain data; ``redact`` puts words in place of what was encrypted."""
    from stella_ops.origins import VaultedText
    from stella_ops.templating.lazy import finalize

    def hidden(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: hidden(item) for key, item in part.items()}
        if isinstance(part, list):
            return [hidden(item) for item in part]
        return "<redacted>" if isinstance(part, VaultedText) else part

    return hidden(finalize(value, vaulted=True)) if redact else finalize(value)


def is_trusted_as_template(value: Any) -> bool:
    from stella_ops.origins import SourceText

    return isinstance(value, SourceText)


def accept_args_markers(plugin: Any) -> Any:
    return plugin


def listify_lookup_plugin_terms(terms: Any, *args: Any, **options: Any) -> list[Any]:
    return terms if is_sequence(terms) else [terms]


def unfrackpath(path: Any, follow: bool = True, basedir: Any = None) -> str:
    """A path without ``~``, ``$NAME`` and ``..``."""
    full = os.path.normpath(Path(basedir or Path.cwd()) / Path(os.path.expandvars(to_text(path))).expanduser())
    return os.path.realpath(full) if follow else full


def makedirs_safe(path: Any, mode: int | None = None) -> None:
    Path(to_text(path)).mkdir(parents=True, exist_ok=True, mode=0o777 if mode is None else mode)


def checksum_s(data: Any) -> str:
    return digest(data, "sha1")


secure_hash_s = digest


def md5s(data: Any) -> str:
    return digest(data, "md5")


def do_encrypt(
    result: str, encrypt: str, salt_size: int | None = None, salt: str | None = None, ident: str | None = None,
    rounds: int | None = None,
) -> str:  # fmt: skip
    return password_hash(result, encrypt, salt, salt_size, rounds, ident)


passlib_or_crypt = do_encrypt
PASSWORD_CHARS = string.ascii_letters + string.digits + ".,:-_"


def random_password(length: int = 20, chars: str | None = None, seed: Any = None) -> str:
    """Random characters; a seed repeats them."""
    import random

    generator = random.SystemRandom() if seed is None else random.Random(seed)
    return "".join(generator.choice(chars or PASSWORD_CHARS) for _ in range(length))
