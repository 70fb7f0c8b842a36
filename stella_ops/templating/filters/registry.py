"""All filters beyond Jinja2's own, by name. A topic is one file with a ``FILTERS`` table."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from stella_ops.templating.filters import (
    collections,
    defaults,
    digests,
    documents,
    mappings,
    numbers,
    passwords,
    paths,
    text,
    times,
    urls,
    vaults,
)
from stella_ops.templating.lazy import settle
from stella_ops.templating.undefined import MissingValue


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that raises for undefined arguments, whatever it would do with them."""

    @functools.wraps(function)  # keeps the mark of pass_context
    def guarded(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            if isinstance(value, MissingValue):
                value.fail()
        for value in kwargs.values():
            if isinstance(value, MissingValue):
                value.fail()
        return settle(function(*args, **kwargs))

    return guarded


def listed(function: Callable[..., Any]) -> Callable[..., Any]:
    """One of Jinja2's generator filters with a list for its result, which can be read more than once."""

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        return settle(function(*args, **kwargs))

    return made


_TOPICS: tuple[dict[str, Callable[..., Any]], ...] = (
    collections.FILTERS,
    digests.FILTERS,
    documents.FILTERS,
    mappings.FILTERS,
    numbers.FILTERS,
    passwords.FILTERS,
    paths.FILTERS,
    text.FILTERS,
    times.FILTERS,
    urls.FILTERS,
    vaults.FILTERS,
)
FILTERS: dict[str, Callable[..., Any]] = {
    **{name: strict(function) for topic in _TOPICS for name, function in topic.items()},
    **defaults.FILTERS,
}
