"""Hands each event to several reporters, none of which can hurt the run or the others."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TextIO

from stella_ops.console.text import safe_line
from stella_ops.engine.events import Event, Reporter


class FanOut:
    """A reporter made of reporters.

    One that raises is named once on the error stream and goes on getting events: what troubled it may pass
    (a locked store), and a half record is better than none.
    """

    def __init__(self, reporters: Iterable[Reporter], *, errors: TextIO | None = None) -> None:
        self._reporters = tuple(reporters)
        self._errors = errors
        self._named: set[int] = set()

    def handle(self, event: Event) -> None:
        """Hand on one event."""
        for reporter in self._reporters:
            try:
                reporter.handle(event)
            except Exception as problem:
                self._tell(reporter, problem)

    def close(self) -> None:
        """Close every reporter."""
        for reporter in self._reporters:
            try:
                reporter.close()
            except Exception as problem:
                self._tell(reporter, problem)

    def _tell(self, reporter: Reporter, problem: Exception) -> None:
        if id(reporter) in self._named:
            return
        self._named.add(id(reporter))
        said = safe_line(f"{type(problem).__name__}: {problem}")
        name = type(reporter).__name__
        text = f"[WARNING]: {name} failed, what it shows or keeps may be incomplete: {said}\n"
        try:
            (self._errors or sys.stderr).write(text)
        except (OSError, ValueError):
            pass
