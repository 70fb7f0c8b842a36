"""What lint finds, and the collection of it: each thing once, in file order, without what ``noqa`` silences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stella_ops.errors import ParseError
from stella_ops.linting.noqa import silences
from stella_ops.linting.rules import RULES, SEVERITIES, Severity
from stella_ops.origins import Origin
from stella_ops.places import shown


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that would fail or mislead.

    Attributes:
        message: what is wrong, one sentence.
        hint: what to do.
        notes: more that helps, such as where variables were defined.
    """

    rule: str
    severity: Severity
    message: str
    where: Origin
    hint: str | None = None
    notes: tuple[str, ...] = ()


class Findings:
    """Collects findings.

    Args:
        sure: only what is certain to fail counts as an error.
    """

    def __init__(self, *, sure: bool = False) -> None:
        self.sure = sure
        self._found: dict[tuple[str, Origin, str], Finding] = {}
        self._files: dict[str, int] = {}

    def note_file(self, source: str) -> None:
        """Files are told in the order in which they were read."""
        self._files.setdefault(shown(source), len(self._files))

    def add(
        self,
        rule: str,
        message: str,
        where: Origin,
        *,
        hint: str | None = None,
        severity: Severity | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        """Note one; of several alike, the worst is kept."""
        where = Origin(shown(where.source), where.line, where.column)
        found = Finding(rule, severity or RULES[rule].severity, message, where, hint, tuple(notes))
        key = (rule, where, message)
        known = self._found.get(key)
        if known is None or SEVERITIES.index(found.severity) < SEVERITIES.index(known.severity):
            self._found[key] = found
        self.note_file(where.source)

    def add_problem(self, problem: ParseError, default: Origin, *, severity: Severity | None = None) -> None:
        """Note what the parser found."""
        rule = problem.rule if problem.rule in RULES else "syntax"
        where = parse_place(problem.where) or default
        self.add(rule, problem.message, where, hint=problem.hint, severity=severity)

    def all(self) -> list[Finding]:
        """All that are not silenced, in file order."""
        kept = [found for found in self._found.values() if not silences(found.where, found.rule)]
        return sorted(kept, key=self._place)

    def _place(self, found: Finding) -> tuple[int, int, int, int]:
        where = found.where
        return self._files[where.source], where.line, where.column, SEVERITIES.index(found.severity)


def parse_place(where: str | None) -> Origin | None:
    """A place as errors carry it: ``file:line:column``."""
    if not where:
        return None
    parts = where.rsplit(":", 2)
    numbers: list[int] = []
    while len(parts) > 1 and parts[-1].isdigit():
        numbers.insert(0, int(parts.pop()))
    return Origin(":".join(parts), *numbers)
