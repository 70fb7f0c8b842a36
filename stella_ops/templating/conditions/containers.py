"""What lists hold."""

from __future__ import annotations

import math
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.templating.undefined import kind_of


def subset(value: Any, other: Any) -> bool:
    """Whether everything in the first list is in the other."""
    elements = list(other)
    return all(item in elements for item in value)


def superset(value: Any, other: Any) -> bool:
    """Whether everything in the other list is in the first."""
    elements = list(value)
    return all(item in elements for item in other)


def contains(seq: Any, value: Any) -> bool:
    """Whether a list or text holds something."""
    try:
        return value in seq
    except TypeError:
        raise TemplateError(f"contains: {kind_of(seq)} holds nothing") from None


def not_a_number(value: Any) -> bool:
    """Whether a number is NaN."""
    return isinstance(value, float) and math.isnan(value)


CONDITIONS = {
    "subset": subset,
    "issubset": subset,
    "superset": superset,
    "issuperset": superset,
    "contains": contains,
    "any": lambda value: any(value),
    "all": lambda value: all(value),
    "nan": not_a_number,
    "isnan": not_a_number,
}
