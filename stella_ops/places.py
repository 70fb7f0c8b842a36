"""Where in a source a word of a text stands: errors point at the word, not at the beginning of the text."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from stella_ops.origins import Origin

_LARGEST = 4 * 1024 * 1024


def shown(source: str) -> str:
    """A file's name as an operator would give it: relative, where it is below the folder that we are in."""
    path = Path(source)
    try:
        here = Path.cwd()
    except OSError:  # the folder is gone
        return source
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else source


def source_lines(source: str) -> tuple[str, ...]:
    """The lines of a file; none when it cannot be read, or is too large to be written by hand."""
    try:
        about = Path(source).stat()
        return _lines(source, about.st_mtime_ns, about.st_size)
    except (OSError, ValueError):
        return ()


@functools.lru_cache(maxsize=64)
def _lines(source: str, _changed: int, size: int) -> tuple[str, ...]:
    if size > _LARGEST:
        return ()
    return tuple(Path(source).read_text(encoding="utf-8", errors="replace").splitlines())


def locate(origin: Origin, text: str, word: str, line: int = 1) -> Origin:
    """Where a word stands in a text of a source; the text's own place where it cannot be told.

    Args:
        origin: of the text.
        line: of the text that the word is on, from 1.
    """
    lines = source_lines(origin.source)
    if not origin.line or not word:
        return origin
    pattern = _word(word)
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


def locate_on_line(source: str, word: str, line: int) -> Origin:
    """Where a word stands on a line of a file."""
    lines = source_lines(source)
    if 1 <= line <= len(lines):
        found = _word(word).search(lines[line - 1])
        return Origin(source, line, found.start() + 1 if found else 0)
    return Origin(source, line)


def locate_key(origin: Origin, key: str, value: str | None = None) -> Origin:
    """Where a key stands in the mapping that begins at a place; that place where it cannot be told.

    Args:
        value: that it has, to point at instead.
    """
    lines = source_lines(origin.source)
    wanted = re.escape(key) + r"[\"']?\s*[:=]"
    pattern = re.compile(rf"(?<![\w.])({wanted})" if value is None else rf"{wanted}\s*[\"']?({re.escape(value)})\b")
    for number in range(origin.line, origin.line + 1 + _deeper(lines, origin)):
        if 1 <= number <= len(lines):
            found = pattern.search(lines[number - 1])
            if found:
                return Origin(origin.source, number, found.start(1) + 1)
    return origin


def _word(word: str) -> re.Pattern[str]:
    before = r"(?<![\w.])" if word[:1] != "." else ""
    return re.compile(rf"{before}{re.escape(word)}(?!\w)")


def _is_block(lines: tuple[str, ...], origin: Origin) -> bool:
    line = lines[origin.line - 1] if 1 <= origin.line <= len(lines) else ""
    return line[max(origin.column - 1, 0) :][:1] in ("|", ">")


def _deeper(lines: tuple[str, ...], origin: Origin) -> int:
    """How many lines follow that belong to the mapping that begins at a place."""
    count = 0
    for line in lines[origin.line :]:
        if line.strip() and len(line) - len(line.lstrip()) < origin.column - 1:
            break
        count += 1
    return count


def _folds(lines: tuple[str, ...], origin: Origin) -> int:
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
