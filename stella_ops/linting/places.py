"""Places in the files that are looked at: where in a text a name stands, and which lines are silenced."""

from __future__ import annotations

import re
from pathlib import Path

from stella_ops.origins import Origin

_NOQA = re.compile(r"#\s*noqa\b(?::\s*(?P<rules>[\w-]+(?:[\s,]+[\w-]+)*))?", re.IGNORECASE)


def shown(source: str) -> str:
    """A file's name as an operator would give it: relative, where it is below the folder that we are in."""
    path = Path(source)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else source


class SourceLines:
    """The lines of files, each read once."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def of(self, source: str) -> list[str]:
        """The lines of a file; none when it cannot be read."""
        found = self._lines.get(source)
        if found is None:
            try:
                found = Path(source).read_text(encoding="utf-8", errors="replace").splitlines()
            except (OSError, ValueError):
                found = []
            self._lines[source] = found
        return found

    def silences(self, where: Origin, rule: str) -> bool:
        """Whether the line says ``# noqa``, for all rules or for this one."""
        lines = self.of(where.source)
        if not 1 <= where.line <= len(lines):
            return False
        said = _NOQA.search(lines[where.line - 1])
        if said is None:
            return False
        return said["rules"] is None or rule in re.split(r"[\s,]+", said["rules"])

    def locate(self, origin: Origin, text: str, word: str, line: int = 1) -> Origin:
        """Where a word stands in a text of a source; the text's own place where it cannot be told.

        Args:
            origin: of the text.
            line: of the text that the word is on, from 1.
        """
        lines = self.of(origin.source)
        if not origin.line or not word:
            return origin
        pattern = re.compile(rf"(?<![\w.]){re.escape(word)}(?!\w)")
        # A block's first line is the one below its origin, and folded texts have more lines than they seem to have.
        expected = origin.line + line - 1 + (1 if _is_block(lines, origin) else 0)
        last = max(expected, origin.line + text.count("\n") + 1) + _folds(lines, origin)
        for number in (expected, *range(origin.line, last + 1)):
            if 1 <= number <= len(lines):
                start = origin.column - 1 if number == origin.line else 0
                found = pattern.search(lines[number - 1], max(start, 0))
                if found:
                    return Origin(origin.source, number, found.start() + 1)
        return origin

    def locate_key(self, origin: Origin, key: str, value: str | None = None) -> Origin:
        """Where a key stands in the mapping that begins at a place; that place where it cannot be told.

        Args:
            value: that it has, to point at instead.
        """
        lines = self.of(origin.source)
        wanted = re.escape(key) + r"[\"']?\s*[:=]"
        pattern = re.compile(rf"(?<![\w.])({wanted})" if value is None else rf"{wanted}\s*[\"']?({re.escape(value)})\b")
        for number in range(origin.line, origin.line + 1 + _deeper(lines, origin)):
            if 1 <= number <= len(lines):
                found = pattern.search(lines[number - 1])
                if found:
                    return Origin(origin.source, number, found.start(1) + 1)
        return origin

    def locate_in_file(self, source: str, word: str, line: int) -> Origin:
        """Where a word stands on a line of a template file."""
        lines = self.of(source)
        if 1 <= line <= len(lines):
            found = re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", lines[line - 1])
            return Origin(source, line, found.start() + 1 if found else 0)
        return Origin(source, line)


def _is_block(lines: list[str], origin: Origin) -> bool:
    line = lines[origin.line - 1] if 1 <= origin.line <= len(lines) else ""
    return line[max(origin.column - 1, 0) :][:1] in ("|", ">")


def _deeper(lines: list[str], origin: Origin) -> int:
    """How many lines follow that belong to the mapping that begins at a place."""
    count = 0
    for line in lines[origin.line :]:
        if line.strip() and len(line) - len(line.lstrip()) < origin.column - 1:
            break
        count += 1
    return count


def _folds(lines: list[str], origin: Origin) -> int:
    """How many lines follow that are indented deeper than the one where the text begins: it may go on there."""
    if not 1 <= origin.line <= len(lines):
        return 0
    first = lines[origin.line - 1]
    indent = len(first) - len(first.lstrip())
    count = 0
    for line in lines[origin.line :]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        count += 1
    return count
