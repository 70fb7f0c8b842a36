"""Lengths of time as people write them: ``30s``, ``15m``, ``7d``, ``1h30m``.

Units: ``ms``, ``s``, ``m`` (minutes), ``h``, ``d`` (24 hours), ``w``.
"""

from __future__ import annotations

import re
from datetime import timedelta

_UNIT_MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_PART = re.compile(r"([0-9]+)(ms|[wdhms])")
_WRITTEN = ("d", "h", "m", "s", "ms")
_LONGEST_TEXT = 40


def parse_duration(text: str) -> timedelta:
    """Read a duration: whole numbers with units, largest unit first or not, no spaces inside.

    Raises:
        ValueError: the text is none, with a sentence for people. A bare number is refused: it has no unit.
    """
    stripped = text.strip()
    parts = _PART.findall(stripped)
    if not parts or len(stripped) > _LONGEST_TEXT or "".join(n + u for n, u in parts) != stripped:
        raise ValueError(f"'{text[:_LONGEST_TEXT]}' is no duration: write a number and a unit, like 30s, 15m or 7d")
    try:
        return timedelta(milliseconds=sum(int(number) * _UNIT_MS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError(f"'{stripped}' is longer than any duration can be") from None


def format_duration(duration: timedelta) -> str:
    """Write a duration as one number in the largest unit that fits exactly: ``90s``, ``36h``, ``7d``.

    One number, because the agents on hosts read this form too. Parts of a millisecond are dropped.

    Raises:
        ValueError: the duration is negative.
    """
    if duration < timedelta(0):
        raise ValueError("a duration cannot be negative")
    ms = duration // timedelta(milliseconds=1)
    if ms == 0:
        return "0s"
    unit = next(u for u in _WRITTEN if ms % _UNIT_MS[u] == 0)
    return f"{ms // _UNIT_MS[unit]}{unit}"
