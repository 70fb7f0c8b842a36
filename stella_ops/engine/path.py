"""The order in which a play's tasks come for a host that nothing goes wrong on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stella_ops.playbook.model import Block, Play, Step, Task


class Path:
    """A play's tasks in a row; a rescue section is not on the way.

    Args:
        first: what is done before the play's own tasks (gathering facts), if anything.
    """

    def __init__(self, play: Play, first: Task | None) -> None:
        self._rows: list[list[Task]] = [[first] if first is not None else []]
        for _, steps in play.sections():
            self._rows[-1].extend(_row(steps))
            if play.handlers:
                # Which handlers run between the sections shows only then.
                self._rows.append([])
        self._places = {id(task): (row, at) for row in self._rows for at, task in enumerate(row)}

    def after(self, task: Task) -> Sequence[Task]:
        """The tasks after one, up to where it is open what comes next; none for a task that is not on the path."""
        place = self._places.get(id(task))
        if place is None:
            return ()
        row, at = place
        return row[at + 1 :]


def _row(steps: Sequence[Step]) -> Iterator[Task]:
    for step in steps:
        if isinstance(step, Block):
            yield from _row(step.body)
            yield from _row(step.always)
        else:
            yield step
