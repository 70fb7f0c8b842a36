"""Where a task stands in its play, as a text that is the same in every run of the same files.

``tasks/3/r/0`` is the first task in the rescue section of the fourth step of ``tasks``; ``handlers/2`` the third
handler. What an include brings stands behind the include's own position and a digest of what was included with which
item: ``tasks/5@1f0c33aa/0``. An outline lists the tasks of a play, or of one inclusion, with digests of what is written
in them, so that it can be compared with the files as they are later (``alignment.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stella_ops.origins import SourceVault
from stella_ops.playbook.model import Block, Play, Step, Task

FACTS = "facts"
# No task, but the end of the play.
THROUGH = "through"

Placed = tuple[str, Task]


class Line(NamedTuple):
    """One task of an outline; ``named`` says whether its title is a name that somebody gave it."""

    path: str
    title: str
    named: bool
    digest: str


def of_play(play: Play) -> list[Placed]:
    """The tasks and handlers of a play with their positions."""
    found: list[Placed] = []
    for section, steps in play.sections():
        found += _walk(section, steps)
    found += [(f"handlers/{number}", handler) for number, handler in enumerate(play.handlers)]
    return found


def of_inclusion(unit: str, steps: Sequence[Step], handlers: Sequence[Sequence[Task]]) -> list[Placed]:
    """The same of what an inclusion brings; ``unit`` is its own position."""
    found = list(_walk(unit, steps))
    for group, members in enumerate(handlers):
        found += [(f"{unit}/h/{group}/{number}", handler) for number, handler in enumerate(members)]
    return found


def unit_of(path: str, what: Any, loop: Any) -> str:
    """The position of an inclusion: of what is included, with which item, by the task at ``path``."""
    import hashlib

    told = hashlib.sha256(f"{_written(what)!r} {_written(loop)!r}".encode("utf-8", "backslashreplace"))
    return f"{path}@{told.hexdigest()[:12]}"


def _walk(prefix: str, steps: Iterable[Step]) -> Iterator[Placed]:
    for number, step in enumerate(steps):
        path = f"{prefix}/{number}"
        if isinstance(step, Block):
            yield from _walk(f"{path}/b", step.body)
            yield from _walk(f"{path}/r", step.rescue)
            yield from _walk(f"{path}/a", step.always)
        else:
            yield path, step


def outline(placed: Iterable[Placed]) -> list[Line]:
    """What is written at each position."""
    return [Line(path, str(task.title), task.name is not None, _digest(task)) for path, task in placed]


def _digest(task: Task) -> str:
    import hashlib

    inherited = task.inherited
    parts = (
        task.action,
        task.args,
        task.loop,
        task.loop_var,
        task.register,
        task.notify,
        task.changed_when,
        task.failed_when,
        task.until,
        inherited.when,
        inherited.delegate_to,
        inherited.run_once,
        inherited.become,
        inherited.become_user,
    )
    return hashlib.sha256(repr(_written(parts)).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _written(value: Any) -> Any:
    """A value without the places it was written at."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, SourceVault):
        return value.ciphertext
    if isinstance(value, Mapping):
        return {_written(key): _written(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    return value
