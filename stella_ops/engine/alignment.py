"""Which task of files that were edited is which of the files as they were.

Operators mend the task that failed, and resume. So a task is known by its name and by its neighbours, not by its
number: tasks that are written alike are matched first, by the longest common run; what is left between them by its
title. Where several tasks without a name could be meant, none is.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

from stella_ops.engine.positions import Line


@dataclass(slots=True)
class Alignment:
    """Two outlines compared.

    Attributes:
        moves: the position that each old task has now; those that are gone are not in it.
        changed: old positions of tasks that say something else than they did.
        doubtful: old positions of tasks that may be one or another of those there are now.
        gone: old positions of tasks that are not found.
    """

    moves: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


def align(old: Sequence[Line], new: Sequence[Line]) -> Alignment:
    """Find the tasks of an old outline in a new one."""
    made = Alignment()
    matcher = difflib.SequenceMatcher(
        None, [(line.title, line.digest) for line in old], [(line.title, line.digest) for line in new], autojunk=False
    )
    left_old: list[Line] = []
    left_new: list[Line] = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            made.moves.update((a.path, b.path) for a, b in zip(old[i1:i2], new[j1:j2], strict=True))
            continue
        rest_old, rest_new = _by_title(old[i1:i2], new[j1:j2], made)
        left_old += rest_old
        left_new += rest_new
    # Tasks that were put elsewhere.
    _by_title(left_old, left_new, made)
    made.gone = {line.path for line in old if line.path not in made.moves}
    return made


def _by_title(old: Sequence[Line], new: Sequence[Line], made: Alignment) -> tuple[list[Line], list[Line]]:
    taken: set[str] = set()
    rest: list[Line] = []
    for title in dict.fromkeys(line.title for line in old):
        mine = [line for line in old if line.title == title]
        theirs = [line for line in new if line.title == title]
        if theirs and len(mine) != len(theirs) and not all(line.named for line in (*mine, *theirs)):
            made.doubtful.update(line.path for line in mine)
            rest += mine
            continue
        for a, b in zip(mine, theirs, strict=False):
            made.moves[a.path] = b.path
            made.doubtful.discard(a.path)
            if a.digest != b.digest:
                made.changed.add(a.path)
            taken.add(b.path)
        rest += mine[len(theirs) :]
    return rest, [line for line in new if line.path not in taken]
