"""Values of a run as JSON has them, and back: nothing of what a value means to the engine is lost on the way.

Which texts are templates and where they stand, what is encrypted, ``omit``, keys that are no texts, tuples, sets, bytes
and moments are written as ``{"!": kind, …}``. What cannot be written (an object of a plug-in) becomes ``LOST``.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final

from stella_ops.origins import Origin, SourceList, SourceMapping, SourceText, SourceVault, VaultedText
from stella_ops.templating.omit import OMIT, Omit

_PLAIN = frozenset({str, int, float, bool, type(None)})
_TAG = "!"


class Lost:
    """The type of ``LOST``: what a value becomes that cannot be carried over."""

    def __repr__(self) -> str:
        return "<lost with the interrupted run>"


LOST: Final = Lost()


def to_json(value: Any) -> Any:
    """A value as JSON data."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return _mapping(value)
    if kind is list:
        return [item if type(item) in _PLAIN else to_json(item) for item in value]
    write = _WRITE.get(kind)
    if write is not None:
        return write(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return _mapping({key: value[key] for key in value})
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, int | float):
        return value + 0
    return {_TAG: "lost"}


def _mapping(value: dict[Any, Any]) -> Any:
    made: dict[str, Any] = {}
    for key, item in value.items():
        kind = type(key)
        if kind is SourceText or kind is VaultedText:
            key = str.__str__(key)
        elif kind is not str:
            return _pairs(value)
        made[key] = item if type(item) in _PLAIN else to_json(item)
    return _pairs(value) if _TAG in made else made


def _pairs(value: Mapping[Any, Any]) -> Any:
    return {_TAG: "pairs", "v": [[to_json(key), to_json(item)] for key, item in value.items()]}


def _place(origin: Origin) -> list[Any]:
    return [origin.source, origin.line, origin.column]


def _source_mapping(value: SourceMapping) -> Any:
    made = {_TAG: "mapping", "v": _mapping(dict(value)), "o": _place(value.origin)}
    if value.key_origins:
        made["k"] = [[to_json(key), _place(origin)] for key, origin in value.key_origins.items()]
    return made


_WRITE: dict[type, Callable[[Any], Any]] = {
    SourceText: lambda value: {_TAG: "text", "v": str.__str__(value), "o": _place(value.origin)},
    SourceVault: lambda value: {_TAG: "vault", "v": value.ciphertext, "o": _place(value.origin)},
    VaultedText: lambda value: {_TAG: "vaulted", "v": str.__str__(value), "c": value.ciphertext},
    SourceMapping: _source_mapping,
    SourceList: lambda value: {_TAG: "list", "v": [to_json(item) for item in value], "o": _place(value.origin)},
    Omit: lambda value: {_TAG: "omit"},
    tuple: lambda value: {_TAG: "tuple", "v": [to_json(item) for item in value]},
    set: lambda value: {_TAG: "set", "v": [to_json(item) for item in value]},
    frozenset: lambda value: {_TAG: "set", "v": [to_json(item) for item in value]},
    bytes: lambda value: {_TAG: "bytes", "v": base64.b64encode(value).decode()},
    datetime.datetime: lambda value: {_TAG: "moment", "v": value.isoformat()},
    datetime.date: lambda value: {_TAG: "date", "v": value.isoformat()},
}


def from_json(data: Any) -> Any:
    """The value that ``to_json`` wrote."""
    if isinstance(data, list):
        return [from_json(item) for item in data]
    if not isinstance(data, dict):
        return data
    kind = data.get(_TAG)
    if kind is None:
        return {key: from_json(item) for key, item in data.items()}
    return _READ[kind](data)


def _origin(data: dict[str, Any]) -> Origin:
    return Origin(*data["o"])


def _read_mapping(data: dict[str, Any]) -> SourceMapping:
    made = SourceMapping(_origin(data))
    made.update(from_json(data["v"]))
    made.key_origins = {from_json(key): Origin(*place) for key, place in data.get("k", ())}
    return made


def is_lost(data: Any) -> bool:
    """Whether something in what ``to_json`` wrote could not be written."""
    if isinstance(data, dict):
        return data.get(_TAG) == "lost" or any(is_lost(item) for item in data.values())
    return isinstance(data, list) and any(is_lost(item) for item in data)


_READ: dict[str, Callable[[dict[str, Any]], Any]] = {
    "lost": lambda data: LOST,
    "pairs": lambda data: {from_json(key): from_json(item) for key, item in data["v"]},
    "text": lambda data: SourceText(data["v"], _origin(data)),
    "vault": lambda data: SourceVault(data["v"], _origin(data)),
    "vaulted": lambda data: VaultedText(data["v"], data["c"]),
    "mapping": _read_mapping,
    "list": lambda data: SourceList(_origin(data), from_json(data["v"])),
    "omit": lambda data: OMIT,
    "tuple": lambda data: tuple(from_json(data["v"])),
    "set": lambda data: set(from_json(data["v"])),
    "bytes": lambda data: base64.b64decode(data["v"]),
    "moment": lambda data: datetime.datetime.fromisoformat(data["v"]),
    "date": lambda data: datetime.date.fromisoformat(data["v"]),
}
