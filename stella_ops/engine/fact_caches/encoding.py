"""Facts as JSON text, in the form that ansible-core 2.19 gives them in its caches.

Its JSON wraps what JSON has no word for, and what it knows of a value's origin: a mapping with ``__ansible_type``. The
wrappings are taken off here; what they say of trust is passed over, so that nothing kept is ever a template. Dates are
the only values that are wrapped on the way out.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Set
from typing import Any

_TYPE = "__ansible_type"
_TAGGED = "_AnsibleTagged"


class NotKeepable(ValueError):
    """A value that cannot be kept."""


def encode(facts: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Facts as text, and the names of those that are left out because they cannot be kept."""
    try:
        text = json.dumps(facts)
        if _TYPE not in text:  # nearly all: nothing is to be wrapped, and nothing looks as if it were
            return text, []
    except (TypeError, ValueError, RecursionError):
        pass
    parts, unkept = [], []
    for name, value in facts.items():
        try:
            parts.append(f"{json.dumps(name)}: {json.dumps(_plain(value))}")
        except (NotKeepable, RecursionError):
            unkept.append(name)
    return "{" + ", ".join(parts) + "}", unkept


def decode(text: str) -> dict[str, Any]:
    """The facts that a text holds; one whose kind is not known is left out.

    Raises:
        ValueError: it holds none.
    """
    read = json.loads(text)
    if not isinstance(read, dict):
        raise ValueError("no mapping of facts")
    if _TYPE not in text:
        return read
    found = {}
    for name, value in read.items():
        try:
            found[name] = _unwrapped(value)
        except (NotKeepable, RecursionError):
            continue
    return found


def _plain(value: Any) -> Any:
    """A value of types that JSON has."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        # A host that writes a wrapping into its facts must not have it believed by whoever reads the cache.
        if _TYPE in value:
            raise NotKeepable
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | Set):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.datetime | datetime.time):
        kind = "DateTime" if isinstance(value, datetime.datetime) else "Time"
        return {"iso8601": value.isoformat(), "fold": value.fold, _TYPE: f"AnsibleSerializable{kind}"}
    if isinstance(value, datetime.date):
        return {"iso8601": value.isoformat(), _TYPE: "AnsibleSerializableDate"}
    raise NotKeepable


_DATES: dict[str, Callable[[str], Any]] = {
    "Date": datetime.date.fromisoformat,
    "Time": datetime.time.fromisoformat,
    "DateTime": datetime.datetime.fromisoformat,
}


def _unwrapped(value: Any) -> Any:
    """A value without its wrappings."""
    if isinstance(value, list):
        return [_unwrapped(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_TYPE)
    if kind is None:
        return {key: _unwrapped(item) for key, item in value.items()}
    if isinstance(kind, str) and kind.startswith(_TAGGED):
        within = value.get("value")
        if kind in ("_AnsibleTaggedDate", "_AnsibleTaggedTime", "_AnsibleTaggedDateTime") or not _is_wrapping(within):
            return _unwrapped(within)
    elif isinstance(kind, str):
        read = _DATES.get(kind.removeprefix("AnsibleSerializable"))
        if read is not None:
            try:
                made = read(str(value.get("iso8601")))
            except ValueError:
                raise NotKeepable from None
            return made.replace(fold=1) if value.get("fold") == 1 else made
    raise NotKeepable


def _is_wrapping(value: Any) -> bool:
    return isinstance(value, dict) and _TYPE in value
