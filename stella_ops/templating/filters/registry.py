"""All filters beyond Jinja2's own, by name. A topic is one file with a ``FILTERS`` table."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from stella_ops.collections.notices import goes_away
from stella_ops.errors import PluginError, UndefinedVariableError
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
from stella_ops.templating.lazy import of_plugin
from stella_ops.templating.undefined import MissingValue, UndefinedUse, first_missing


def strict(function: Callable[..., Any], kind: str, name: str) -> Callable[..., Any]:
    """A filter or test whose result is undefined where an argument is, or what it looks at inside one.

    So ``default()`` and ``is defined`` may ask behind it: ``(answer.stdout | from_json).x | default(1)``. Any other
    exception becomes an error that names the plug-in.

    Args:
        kind: ``filter`` or ``test``.
        name: in full.
    """

    @functools.wraps(function)  # keeps the mark of pass_context
    def guarded(*args: Any, **kwargs: Any) -> Any:
        missing = first_missing(args, kwargs)
        if missing is not None:
            return missing
        try:
            found = of_plugin(function(*args, **kwargs))
            return found if kind == "filter" else _boolean(name, found)
        except UndefinedUse as problem:
            return problem.value
        except (PluginError, UndefinedVariableError, RecursionError):
            raise
        except Exception as problem:
            raise PluginError.of(kind, name, problem) from problem

    return guarded


def _boolean(name: str, found: Any) -> Any:
    """What a test found out, which is true or false."""
    if isinstance(found, bool | MissingValue):
        return found
    goes_away(
        f"The test plugin {name!r} returned a non-boolean result of type {type(found)!r}. "
        "Test plugins must have a boolean result."
    )
    return bool(found)


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A filter that may be asked about something undefined: only wrong arguments are its own failure."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return of_plugin(function(*args, **kwargs))
        except TypeError as problem:
            raise PluginError.of("filter", name, problem) from problem

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
    **{
        name: strict(function, "filter", f"ansible.builtin.{name}")
        for topic in _TOPICS
        for name, function in topic.items()
    },
    **{name: _named(function, f"ansible.builtin.{name}") for name, function in defaults.FILTERS.items()},
}
