"""URLs and their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from stella_ops.errors import TemplateError
from stella_ops.origins import did_you_mean
from stella_ops.templating.lazy import plain_text

_PARTS = ("fragment", "hostname", "netloc", "password", "path", "port", "query", "scheme", "username")


def urldecode(value: Any) -> str:
    """The text with ``%41`` and ``+`` of a URL read as what they stand for."""
    return unquote_plus(plain_text(value))


def split_url(value: Any, query: str = "") -> Any:
    """The parts of a URL as a mapping, or the one that ``query`` names."""
    try:
        split = urlsplit(plain_text(value))
        parts = {name: getattr(split, name) for name in _PARTS}
    except ValueError as problem:
        raise TemplateError(f"urlsplit: '{value}' is not a URL: {problem}") from None
    if not query:
        return parts
    if query not in parts:
        raise TemplateError(f"urlsplit: a URL has no part '{query}'", hint=did_you_mean(query, _PARTS))
    return parts[query]


FILTERS: dict[str, Callable[..., Any]] = {"urldecode": urldecode, "urlsplit": split_url}
