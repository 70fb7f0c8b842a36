"""``--start-at-task`` and ``--step``: which tasks of a play are passed over because the operator says so."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Sequence

from stella_ops.engine.options import RunOptions
from stella_ops.engine.tags import is_selected
from stella_ops.playbook.model import Block, Play, Step, Task


class Steps:
    """What the operator wants of the tasks of a run.

    Args:
        ask: asks the operator about the task of a name: "yes", "no", or "continue" for this and all that follow.
    """

    def __init__(self, options: RunOptions, ask: Callable[[str], str] = lambda title: "yes") -> None:
        self._start = options.start_at_task
        self._tags, self._skip_tags = options.tags, options.skip_tags
        self._asking = options.step
        self._ask = ask
        self.first: Task | None = None

    @property
    def not_found(self) -> str | None:
        """The name of the task that the run should have started at, as long as none is found."""
        return self._start

    def begin(self, play: Play) -> bool:
        """A play, or its next batch, begins; whether anything of it runs.

        Only tasks that are written in the play, or imported, can be found. What comes after the first that is found
        runs whole.
        """
        self.first = None
        if self._start is None:
            return True
        for _, steps in play.sections():
            for task in tasks_of(steps):
                if self._is_start(task):
                    self.first, self._start = task, None
                    return True
        return False

    def _is_start(self, task: Task) -> bool:
        assert self._start is not None
        if not is_selected(task.inherited.tags, self._tags, self._skip_tags):
            return False
        names = {str(task.name or ""), task.title} - {""}
        return any(name == self._start or fnmatch.fnmatch(name, self._start) for name in names)

    def wants(self, title: str) -> bool:
        """Ask whether a task runs, if the operator is to be asked."""
        if not self._asking:
            return True
        answer = self._ask(title)
        self._asking = answer != "continue"
        return answer != "no"


def tasks_of(steps: Sequence[Step]) -> Iterable[Task]:
    """The tasks of blocks, and of blocks in them, besides those that only a failure brings."""
    for step in steps:
        if isinstance(step, Block):
            yield from tasks_of(step.body)
            yield from tasks_of(step.always)
        else:
            yield step
