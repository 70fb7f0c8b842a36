"""Several errors of one playbook, told together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stella_ops.errors import PlaybookError


class PlaybookProblems(PlaybookError):
    """All that is wrong with a playbook; ``problems`` has each with its place and hint, in file order."""

    def __init__(self, problems: list[PlaybookError]) -> None:
        self.problems = sorted(problems, key=_place)
        first = self.problems[0]
        if len(problems) == 1:
            super().__init__(first.message, where=first.where, hint=first.hint, runbook=first.runbook)
            return
        lines = [f"{len(problems)} problems"]
        for problem in self.problems:
            lines.append(f"  {problem}" + (f" ({problem.hint})" if problem.hint else ""))
        super().__init__("\n".join(lines))


def _place(problem: PlaybookError) -> tuple[str, int, int]:
    source, _, rest = (problem.where or "").partition(":")
    numbers = [int(part) for part in rest.split(":") if part.isdigit()]
    return (source, *[*numbers, 0, 0][:2])  # type: ignore[return-value]


class Problems:
    """Collects what is wrong while parsing goes on.

    Args:
        render: renders what must be known before the play runs, such as tags.
    """

    def __init__(self, render: Callable[[Any], Any] = lambda value: value) -> None:
        self.found: list[PlaybookError] = []
        self.render = render

    def add(self, message: str, *, where: object | None, hint: str | None = None) -> None:
        """Note one problem."""
        self.found.append(PlaybookError(message, where=where, hint=hint))

    def raise_any(self) -> None:
        """Raise ``PlaybookProblems`` when there is at least one."""
        if self.found:
            raise PlaybookProblems(self.found)
