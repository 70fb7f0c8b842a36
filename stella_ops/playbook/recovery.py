"""Reading on behind a mistake in YAML: the entry that holds it is left out, so that the others can be looked at."""

from __future__ import annotations


def without_entry(text: str, line: int) -> str | None:
    """A text without the list entry that a line belongs to; all other lines keep their numbers.

    Args:
        line: from 1.

    Returns:
        None where the line belongs to no entry.
    """
    lines = text.split("\n")
    at = min(line, len(lines)) - 1
    while at >= 0 and not _begins_entry(lines[at]):
        at -= 1
    if at < 0:
        return None
    indent = _indent(lines[at])
    end = at + 1
    while end < len(lines) and (not lines[end].strip() or end < line or _belongs(lines[end], indent)):
        end += 1
    return "\n".join([*lines[:at], *[""] * (end - at), *lines[end:]])


def _begins_entry(line: str) -> bool:
    return line.lstrip(" ").startswith("- ") or line.strip() == "-"


def _belongs(line: str, indent: int) -> bool:
    """Whether a line goes on with an entry that begins at an indentation; tabs, which are mistakes themselves, do."""
    return _indent(line) > indent or line.startswith("\t")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
