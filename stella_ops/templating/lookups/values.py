"""Lookups of values: environment, variables, mappings, numbers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.templating.filters.defaults import NOT_OVERRIDDEN
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.lookups.inline import key_and_value
from stella_ops.templating.scope import NOT_THERE
from stella_ops.templating.undefined import MissingValue, kind_of

_SEQUENCE = re.compile(r"(?:(0x[0-9a-fA-F]+|-?\d+)-)?(0x[0-9a-fA-F]+|-?\d+)(?:/(-?\d+))?(?::(\S+))?")


def env(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Variables of the controller's environment; empty text, or ``default``, for one that is not set."""
    fallback = options.get("default", "")
    found = []
    for term in terms:
        if not isinstance(term, str):
            raise TemplateError(f"lookup 'env': a name is text, not {kind_of(term)}")
        name = next(iter(plain_text(term).split()), "")
        value = os.environ.get(name, fallback)
        if isinstance(value, MissingValue) and value._undefined_hint in (None, NOT_OVERRIDDEN):
            value = MissingValue(f"The environment variable '{name}' is not set.")
        found.append(value)
    return found


def variables(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Variables by name."""
    found = []
    for term in terms:
        if not isinstance(term, str):
            raise TemplateError(f"Variable name must be 'str' not {kind_of(term)!r}.")
        name = plain_text(term)
        value = scope.lookup(name)
        if value is NOT_THERE:
            value = options.get("default", MissingValue(f"No variable named '{name}' was found.", name=name))
        found.append(value)
    return found


def varnames(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The names of variables that match regular expressions."""
    for term in terms:
        if not isinstance(term, str):
            said = f"Invalid setting identifier, \"{term}\" is not a string, it is a <class '{kind_of(term)}'>"
            raise TemplateError(said)
    return [name for term in terms for name in scope.names() if _pattern(term).search(str(name))]


def _pattern(term: str) -> re.Pattern[str]:
    try:
        return re.compile(plain_text(term))
    except re.error as problem:
        raise TemplateError(f'Unable to use "{term}" as a search parameter: {problem}') from None


def pairs(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Mappings as lists of ``{key: …, value: …}``."""
    found: list[Any] = []
    for term in terms:
        if not isinstance(term, Mapping):
            raise TemplateError(
                f"the 'dict' lookup plugin expects a dictionary, got '{term}' of type <class '{kind_of(term)}'>)"
            )
        found.extend({"key": key, "value": value} for key, value in term.items())
    return found


def sequence(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Numbers as text: ``start=1 end=5 stride=2 format=host%02d``, ``count=3`` or ``1-5/2:host%02d``."""
    found: list[Any] = []
    for term in terms or ([""] if options else []):
        found.extend(_sequence(plain_text(term), dict(options)))
    return found


def _sequence(text: str, options: dict[str, Any]) -> list[str]:
    short = _SEQUENCE.fullmatch(text.strip())
    if short:
        start, end, stride, form = short.groups()
        options.update({"start": start or 1, "end": end, "stride": stride or 1, "format": form or "%d"})
    else:
        words = dict(key_and_value(text))
        unknown = [key for key in words if key not in ("start", "end", "count", "stride", "format")]
        if unknown:
            raise TemplateError(f"unrecognized arguments to with_sequence: {unknown}")
        options.update(words)
    start, stride = _number(options.get("start", 1)), _number(options.get("stride", 1))
    try:
        if "count" in options and "end" in options:
            raise TemplateError("can't specify both count and end in with_sequence")
        if "count" in options:
            count = _number(options["count"]) if stride else 0
            numbers = [start + stride * step for step in range(count)]
        elif "end" in options:
            end = _number(options["end"])
            if (end - start) * stride < 0:
                back = "to count backwards make stride negative"
                raise TemplateError(back if stride > 0 else "to count forward don't make stride negative")
            numbers = list(range(start, end + (1 if stride > 0 else -1), stride)) if stride else []
        else:
            raise TemplateError("must specify count or end in with_sequence")
        return [str(options.get("format", "%d")) % number for number in numbers]
    except (TypeError, ValueError) as problem:
        raise TemplateError(f"bad formatting string: {options.get('format')}", hint=str(problem)) from None


def _number(value: Any) -> int:
    try:
        return int(str(value), 0)
    except ValueError:
        raise TemplateError(f"Invalid value provided for 'integer': {value!r}") from None


LOOKUPS = {
    "env": env,
    "vars": variables,
    "varnames": varnames,
    "dict": pairs,
    "sequence": sequence,
}
