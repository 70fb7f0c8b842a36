"""Which known name somebody meant who mistyped one."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to a mistyped one, or None when nothing is close."""
    return _nearest(name, frozenset(known))


@functools.lru_cache(maxsize=64)
def _nearest(name: str, known: frozenset[str]) -> str | None:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint naming the nearest known name, or None."""
    found = nearest(name, known)
    return f"did you mean '{found}'?" if found else None
