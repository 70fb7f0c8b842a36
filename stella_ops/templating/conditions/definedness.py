"""``is defined`` and ``is undefined``."""

from __future__ import annotations

from typing import Any

from jinja2.runtime import Undefined

from stella_ops.templating.undefined import FailedValue


def defined(value: Any) -> bool:
    """Whether there is a value. One that cannot be computed is an error, not an absence."""
    if isinstance(value, FailedValue):
        value.fail()
    return not isinstance(value, Undefined)


CONDITIONS = {"defined": defined, "undefined": lambda value: not defined(value)}
