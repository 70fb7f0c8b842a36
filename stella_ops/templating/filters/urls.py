"""URLs and their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from stella_ops.errors import TemplateError
from stella_ops.spelling import did_you_mean
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.undefined import kind_of

_PARTS = ("fragment", "hostname", "netloc", "password", "path", "port", "query", "scheme", "username")


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str | bytes):
        raise TemplateError(f"{name}: needs text, not {kind_of(value)}", hint="add  | string")
    return plain_text(value)


def urldecode(value: Any, encoding: str = "utf-8", errors: str = "replace") -> str:
    """The text with ``%41`` and ``+`` of a URL read as what they stand for."""
    return unquote_plus(_text(value, "urldecode"), encoding, errors)


def split_url(value: Any, query: str = "", alias: str = "urlsplit") -> Any:
    """The parts of a URL as a mapping, or the one that ``query`` names."""
    try:
        split = urlsplit(_text(value, alias))
        parts = {name: getattr(split, name) for name in _PARTS}
    except ValueError as problem:
        raise TemplateError(f"{alias}: '{value}' is not a URL: {problem}") from None
    if not query:
        return parts
    if query not in parts:
        raise TemplateError(f"{alias}: unknown URL component: {query}", hint=did_you_mean(query, _PARTS))
    return parts[query]


FILTERS: dict[str, Callable[..., Any]] = {"urldecode": urldecode, "urlsplit": split_url}
