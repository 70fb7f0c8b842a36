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
from stella_ops.templating.undefined import UndefinedUse, first_missing


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter or test whose result is undefined where an argument is, or what it looks at inside one.

    So ``default()`` and ``is defined`` may ask behind it: ``(answer.stdout | from_json).x | default(1)``.
    """

    @functools.wraps(function)  # keeps the mark of pass_context
    def guarded(*args: Any, **kwargs: Any) -> Any:
        missing = first_missing(args, kwargs)
        if missing is not None:
            return missing
        try:
            return settle(function(*args, **kwargs))
        except UndefinedUse as problem:
            return problem.value

    return guarded


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
