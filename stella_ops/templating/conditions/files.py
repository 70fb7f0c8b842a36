"""Files of the controller (for those of a host there is the module ``stat``)."""

# Templates mean text, and the rules of os.path for it.
# ruff: noqa: PTH117, PTH121
from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from jinja2 import pass_context

from stella_ops.errors import TemplateError
from stella_ops.templating.lazy import plain_text
from stella_ops.templating.undefined import kind_of


def _asking(question: Callable[[str], bool]) -> Callable[[Any, Any], bool]:
    @pass_context
    def asked(context: Any, value: Any) -> bool:
        if value is None:
            raise TemplateError("a test of a file needs its path, not None")
        _looks_at_controller(context)
        return question(plain_text(value))

    return asked


def _looks_at_controller(context: Any) -> None:
    from stella_ops.templating.environment import scope_of

    scope = scope_of(context)
    if scope is not None:
        scope.looks_at_controller()


def _is_absolute(value: Any) -> bool:
    """Whether a path begins at the root."""
    if not isinstance(value, str | bytes):
        raise TemplateError(f"'is abs' asks about a path, which is text, not about {kind_of(value)}")
    return os.path.isabs(plain_text(value))


CONDITIONS: dict[str, Callable[..., Any]] = {
    "file": _asking(os.path.isfile),
    "directory": _asking(os.path.isdir),
    "exists": _asking(os.path.exists),
    "link": _asking(os.path.islink),
    "link_exists": _asking(os.path.lexists),
    "mount": _asking(os.path.ismount),
    "abs": _is_absolute,
    "same_file": lambda value, other: os.path.samefile(plain_text(value), plain_text(other)),
}
CONDITIONS |= {f"is_{name}": CONDITIONS[name] for name in ("file", "link", "mount", "abs", "same_file")}
CONDITIONS["is_dir"] = CONDITIONS["directory"]
