"""Checks values against an argument specification, as ansible-core's documentation describes those of roles.

Source: "Specification format" of ansible-core's guide to roles; the sentences are the ones its users know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stella_ops.booleans import FALSE_WORDS, TRUE_WORDS

_BOOLEANS = "'1', 1, 'on', 'true', 't', 'yes', 'n', 0, 'no', 'y', 'off', 'f', 'false', '0'"
_UNITS = {"B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}


class _Wrong(Exception):
    """A value cannot become what is wanted; the text says why."""


def problems_of(spec: Mapping[str, Any], given: Mapping[str, Any], within: str = "") -> list[str]:
    """What is wrong with values; nothing when all is well.

    Args:
        spec: names to descriptions: type, elements, required, default, choices, options, aliases, and on the level of
            ``options`` mutually_exclusive, required_together, required_one_of, required_if, required_by.
        within: the option that the values are below.
    """
    return list(_problems(spec, given, within))


def _problems(spec: Mapping[str, Any], given: Mapping[str, Any], within: str) -> Iterator[str]:
    known = {alias: name for name, each in spec.items() for alias in (name, *((each or {}).get("aliases") or ()))}
    values = {
        known[key]: value
        for key, value in given.items()
        if key in known and (value is not None or _has_to_be(spec[known[key]]))
    }
    strangers = [str(key) for key in given if key not in known]
    missing = sorted(name for name, each in spec.items() if (each or {}).get("required") and name not in values)
    found = f" found in {within}" if within else ""
    # ansible-core has the place in two forms.
    quoted = f" found in '{within}'." if within else ""
    if missing:
        yield f"missing required arguments: {', '.join(missing)}{found}"
    later: list[str] = []
    for name, each in spec.items():
        if name not in values:
            continue
        each = each or {}
        try:
            value = _typed(values[name], str(each.get("type", "str")))
        except _Wrong as wrong:
            kind = each.get("type", "str")
            yield (
                f"argument '{name}' is of type {type(values[name]).__name__}{quoted} and we were unable to convert to "
                f"{kind}: {wrong}"
            )
            continue
        yield from _elements(name, each, value, quoted.rstrip("."))
        later += _choices(name, each, value, found)
        later += _below(name, each, value, within)
    yield from later
    if strangers:
        prefix = f"{within}." if within else ""
        supported = ", ".join(sorted(spec))
        yield f"{', '.join(prefix + name for name in sorted(strangers))}. Supported parameters include: {supported}."


def _has_to_be(described: Mapping[str, Any] | None) -> bool:
    """Whether none is no value for an option: it is required, or has a default."""
    return bool((described or {}).get("required")) or (described or {}).get("default") is not None


def _elements(name: str, each: Mapping[str, Any], value: Any, found: str) -> Iterator[str]:
    wanted = each.get("elements")
    if each.get("type") != "list" or not wanted or not isinstance(value, list):
        return
    for item in value:
        try:
            _typed(item, str(wanted))
        except _Wrong as wrong:
            yield (
                f"Elements value for option '{name}'{found} is of type {type(item).__name__} and we were unable to "
                f"convert to {wanted}: {wrong}"
            )


def _choices(name: str, each: Mapping[str, Any], value: Any, found: str) -> list[str]:
    choices = each.get("choices")
    if not choices:
        return []
    chosen = value if isinstance(value, list) else [value]
    bad = [str(item) for item in chosen if item not in choices and str(item) not in map(str, choices)]
    if not bad:
        return []
    how = "one or more of" if isinstance(value, list) else "one of"
    return [f"value of {name} must be {how}: {', '.join(map(str, choices))}, got: {', '.join(bad)}{found}"]


def _below(name: str, each: Mapping[str, Any], value: Any, within: str) -> list[str]:
    options = each.get("options")
    if not isinstance(options, Mapping):
        return []
    place = f"{within} -> {name}" if within else name
    made: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            made += problems_of(options, item, place)
            made += _relations(each, {key for key, held in item.items() if held is not None}, item, place)
    return made


def _relations(each: Mapping[str, Any], there: set[str], values: Mapping[str, Any], place: str) -> list[str]:
    made: list[str] = []
    for group in _groups(each.get("mutually_exclusive")):
        if len(there & set(group)) > 1:
            made.append(f"parameters are mutually exclusive: {'|'.join(group)} found in {place}")
    for group in _groups(each.get("required_together")):
        if there & set(group) and not set(group) <= there:
            made.append(f"parameters are required together: {', '.join(group)} found in {place}")
    for group in _groups(each.get("required_one_of")):
        if not there & set(group):
            made.append(f"one of the following is required: {', '.join(group)} found in {place}")
    for rule in each.get("required_if") or ():
        key, wanted, needed, *any_of = rule
        lacking = [name for name in needed if name not in there]
        if values.get(key) == wanted and lacking and (not (any_of and any_of[0]) or len(lacking) == len(needed)):
            how = "any" if any_of and any_of[0] else "all"
            made.append(
                f"{key} is {wanted} but {how} of the following are missing: {', '.join(lacking)} found in {place}"
            )
    for key, needed in (each.get("required_by") or {}).items():
        lacking = [name for name in ([needed] if isinstance(needed, str) else needed) if name not in there]
        if key in there and lacking:
            made.append(f"missing parameter(s) required by '{key}': {', '.join(lacking)} found in {place}")
    return made


def _groups(written: Any) -> list[list[str]]:
    if not written:
        return []
    return [list(written)] if all(isinstance(name, str) for name in written) else [list(group) for group in written]


def _typed(value: Any, kind: str) -> Any:
    said = (
        f'"{value!r}" cannot be converted to an {kind}'
        if kind == "int"
        else f"{type(value)} cannot be converted to a {kind}"
    )
    if kind in ("str", "path"):
        if isinstance(value, list | Mapping) and kind == "path":
            raise _Wrong(said)
        return str(value) if not isinstance(value, str) else value
    if kind == "int":
        if isinstance(value, bool) or not isinstance(value, int | str | float):
            raise _Wrong(said)
        try:
            number = float(value)
        except ValueError:
            raise _Wrong(said) from None
        if not number.is_integer():
            raise _Wrong(said)
        return int(number)
    if kind == "float":
        try:
            return float(value)
        except (TypeError, ValueError):
            raise _Wrong(said) from None
    if kind == "bool":
        word = str(value).strip().lower()
        if word in TRUE_WORDS or word in FALSE_WORDS:
            return word in TRUE_WORDS
        raise _Wrong(f"The value '{value}' is not a valid boolean. Valid booleans include: {_BOOLEANS}")
    if kind == "list":
        if isinstance(value, list | tuple):
            return list(value)
        if isinstance(value, str):
            return value.split(",")
        if isinstance(value, int | float):
            return [str(value)]
        raise _Wrong(said)
    if kind == "dict":
        return _mapping(value, said)
    if kind in ("json", "jsonarg"):
        return value if isinstance(value, str) else json.dumps(value)
    if kind in ("bytes", "bits"):
        return _bytes(value, said)
    return value


def _mapping(value: Any, said: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("{"):
            try:
                loaded = json.loads(text)
            except ValueError:
                raise _Wrong("unable to evaluate string as dictionary") from None
            if isinstance(loaded, Mapping):
                return loaded
        if "=" in text:
            return dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)
        raise _Wrong("dictionary requested, could not parse JSON or key=value")
    raise _Wrong(said)


def _bytes(value: Any, said: str) -> float:
    text = str(value).strip().upper().removesuffix("B")
    unit = text[-1:] if text[-1:] in _UNITS else ""
    try:
        return float(text.removesuffix(unit)) * _UNITS.get(unit, 1)
    except ValueError:
        raise _Wrong(said) from None
