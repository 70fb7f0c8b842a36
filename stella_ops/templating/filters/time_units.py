"""Durations as people write them (``1h 30m``), in a unit: as in the collection community.general."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.spelling import did_you_mean
from stella_ops.templating.lazy import plain_text

_PART = re.compile(r"(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LONG = {
    **dict.fromkeys(("millisecond", "msec", "msecond"), "ms"),
    **dict.fromkeys(("second", "sec"), "s"),
    **dict.fromkeys(("minute", "min"), "m"),
    **{"hour": "h", "day": "d", "week": "w", "month": "mo", "year": "y"},
}


def to_time_unit(value: Any, unit: str = "ms", year: float = 365, month: float = 30) -> float:
    """A duration such as ``1w 2d 3h`` in a unit.

    Args:
        unit: ms, s, m, h, d, w, mo or y, or their names; what a part without unit means, too.
        year, month: days that one has.
    """
    factors = {**_MILLISECONDS, "mo": month * _MILLISECONDS["d"], "y": year * _MILLISECONDS["d"]}
    if value == 0:
        return 0
    wanted = _short(unit, factors)
    total = 0.0
    text = plain_text(value)
    if _PART.sub("", text).strip():
        raise TemplateError(f"to_time_unit: '{value}' is no duration", hint="write for example '1h 30m'")
    for number, name in _PART.findall(text):
        total += float(number) * factors[_short(name, factors) if name else "ms" if unit == "ms" else wanted]
    return round(total / factors[wanted], 12)


def _short(name: str, factors: Any) -> str:
    word = name if name in factors else name.lower()
    word = word if word in factors else word.rstrip("s") if len(word) > 2 else word
    word = _LONG.get(word, word)
    if word not in factors:
        raise TemplateError(f"to_time_unit: unknown unit '{name}'", hint=did_you_mean(name, [*factors, *_LONG]))
    return word


_FILTERS = {"milliseconds": "ms", "seconds": "s", "minutes": "m", "hours": "h", "days": "d", "weeks": "w"}
COMMUNITY: dict[str, Callable[..., Any]] = {
    "to_time_unit": to_time_unit,
    **{
        f"to_{name}": functools.partial(to_time_unit, unit=unit)
        for name, unit in (*_FILTERS.items(), ("months", "mo"), ("years", "y"))
    },
}
