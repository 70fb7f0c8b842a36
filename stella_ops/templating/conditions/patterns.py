"""Regular expressions and the truth of values."""

from __future__ import annotations

import re
from typing import Any

from stella_ops.booleans import FALSE_WORDS, TRUE_WORDS
from stella_ops.errors import TemplateError
from stella_ops.templating.lazy import plain_text

_KINDS = ("search", "match", "fullmatch")


def regex(
    value: Any,
    pattern: Any = "",
    ignorecase: bool = False,
    multiline: bool = False,
    match_type: str = "search",
) -> bool:
    """Whether a pattern matches, somewhere by default; ``match_type`` is search, match or fullmatch."""
    if match_type not in _KINDS:
        raise TemplateError(f"regex: match_type is one of {', '.join(_KINDS)}, not '{match_type}'")
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    try:
        compiled = re.compile(plain_text(pattern), flags)
    except re.error as problem:
        raise TemplateError(str(problem), hint=f"'{pattern}' is no regular expression") from None
    return getattr(compiled, match_type)(plain_text(value)) is not None


def match(value: Any, pattern: Any = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    """Whether a pattern matches at the start."""
    return regex(value, pattern, ignorecase, multiline, "match")


def search(value: Any, pattern: Any = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    """Whether a pattern matches anywhere."""
    return regex(value, pattern, ignorecase, multiline, "search")


def truthy(value: Any, convert_bool: bool = False) -> bool:
    """Whether the value counts as true in Python; with ``convert_bool`` words count as booleans: "no"."""
    if convert_bool and isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE_WORDS or word in FALSE_WORDS:
            return word in TRUE_WORDS
    return bool(value)


CONDITIONS = {
    "regex": regex,
    "match": match,
    "search": search,
    "truthy": truthy,
    "falsy": lambda value, convert_bool=False: not truthy(value, convert_bool),
}
