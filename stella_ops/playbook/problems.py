"""Several errors of one playbook, told together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stella_ops.errors import ParseError, PlaybookError
from stella_ops.origins import VaultedText
from stella_ops.playbook.recovery import without_entry
from stella_ops.source_files import load_yaml, read_text

_MOST_MISTAKES = 20


class PlaybookProblems(PlaybookError):
    """All that is wrong with a playbook; ``problems`` has each with its place and hint, in file order."""

    def __init__(self, problems: list[PlaybookError]) -> None:
        self.problems = sorted(problems, key=_place)
        first = self.problems[0]
        self.exit_code = first.exit_code
        if len(problems) == 1:
            super().__init__(first.message, where=first.where, hint=first.hint, runbook=first.runbook)
            return
        lines = [f"{len(problems)} problems"]
        for problem in self.problems:
            lines.append(f"  {problem}" + (f" ({problem.hint})" if problem.hint else ""))
        super().__init__("\n".join(lines))


def _place(problem: ParseError) -> tuple[str, int, int]:
    source, _, rest = (problem.where or "").partition(":")
    numbers = [int(part) for part in rest.split(":") if part.isdigit()]
    return (source, *[*numbers, 0, 0][:2])  # type: ignore[return-value]


class Problems:
    """Collects what is wrong while parsing goes on.

    Args:
        render: renders what must be known before the play runs, such as tags, with the keywords around it.

    Attributes:
        later: what is told only when the task runs, since the playbook deals with its failure.
        lost: tasks, as loaded, of which nothing came for what is wrong with them.
        partial: of some file a part could not be read.
        values_later: what keywords hold is judged when their task runs, and fails that task.
    """

    def __init__(self, render: Callable[[Any, Any], Any] = lambda value, inherited: value) -> None:
        self.found: list[PlaybookError] = []
        self.later: list[PlaybookError] = []
        self.lost: list[Mapping[Any, Any]] = []
        self.partial = False
        self.values_later = False
        self.render = render

    def add(
        self,
        message: str,
        *,
        where: object | None,
        hint: str | None = None,
        rule: str | None = None,
        exit_code: int = PlaybookError.exit_code,
    ) -> None:
        """Note one problem.

        Args:
            rule: see ``ParseError``.
            exit_code: of the run, where the problem is the first.
        """
        problem = PlaybookError(message, where=where, hint=hint)
        problem.exit_code = exit_code
        if rule is not None:
            problem.rule = rule
        self.found.append(problem)

    def load(self, path: Path) -> Any:
        """The one YAML document of a file; mistakes are noted, and what is left without them is returned.

        Raises:
            PlaybookError: it cannot be read, or nothing is left.
        """
        noted: list[ParseError] = []
        text: str | None = read_text(path, error=PlaybookError)
        for _ in range(_MOST_MISTAKES):
            assert text is not None
            try:
                loaded = load_yaml(text, str(path), error=PlaybookError, noted=noted)
            except PlaybookError as problem:
                line = _place(problem)[1]
                rest = without_entry(text, line) if problem.rule == "yaml" and line else None
                if rest is None:
                    raise
                self.take(problem)
                self.partial = True
                text = VaultedText(rest) if isinstance(text, VaultedText) else rest
                continue
            self.found += [each for each in noted if isinstance(each, PlaybookError)]
            return loaded
        return None

    def take(self, problem: PlaybookError) -> None:
        """Note what was raised: one problem, or several at once."""
        self.found.extend(each for each in problem.problems or [problem] if isinstance(each, PlaybookError))

    def raise_any(self) -> None:
        """Raise ``PlaybookProblems`` when there is at least one."""
        if self.found:
            raise PlaybookProblems(self.found)
