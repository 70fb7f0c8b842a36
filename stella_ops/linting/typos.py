"""Names that are others with a letter or two amiss."""

from __future__ import annotations

import re
from collections.abc import Set

_SHORTEST_TYPO = 5
_LONG = 9
_FURTHEST = 2  # letters that a typo may have more or less
_DIGITS = re.compile(r"\d")


def is_typo(name: str, meant: str) -> bool:
    """Whether a name is another one with a letter or two amiss; names that differ in a number are no such thing."""
    if len(name) < _SHORTEST_TYPO or abs(len(name) - len(meant)) > _FURTHEST:
        return False
    if _DIGITS.sub("", name) == _DIGITS.sub("", meant):
        return False
    allowed = 1 if len(name) < _LONG else 2
    row = list(range(len(meant) + 1))
    before: list[int] = []
    least, least_before = 0, 0
    for i, a in enumerate(name, 1):
        # A row follows from the two above it, and no cell is less than what it follows from.
        if least > allowed and least_before >= allowed:
            return False
        last, row = row, [i]
        for j, b in enumerate(meant, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == meant[j - 2] and name[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)  # two letters in each other's place
            row.append(cost)
        before = last
        least, least_before = min(row), least
    return row[-1] <= allowed


class Typos:
    """Remembers what was compared: thousands of tasks ask for a hundred names among nearly the same thousand."""

    def __init__(self) -> None:
        self._looked: dict[str, tuple[set[str], set[str]]] = {}

    def of_any(self, name: str, known: Set[str]) -> bool:
        """Whether a name is a typo of one of some others."""
        compared, meant = self._looked.setdefault(name, (set(), set()))
        new = known - compared
        # Of the many names few are as long.
        meant.update(other for other in new if abs(len(name) - len(other)) <= _FURTHEST and is_typo(name, other))
        compared |= new
        return not meant.isdisjoint(known)
