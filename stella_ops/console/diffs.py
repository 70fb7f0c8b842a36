"""What a task changed, as a unified diff in the form of ansible-core's callbacks."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from stella_ops.console.results import to_text
from stella_ops.console.text import safe_block, safe_line

_SKIPPED = {
    "dst_binary": "diff skipped: destination file appears to be binary",
    "src_binary": "diff skipped: source file appears to be binary",
    "dst_larger": "diff skipped: destination file size is greater than {}",
    "src_larger": "diff skipped: source file size is greater than {}",
}
_LARGEST = 2_000_000  # characters; difflib's time grows faster than its input
_NO_NEWLINE = "\\ No newline at end of file"


def diff_lines(diff: Any, context: int = 3) -> list[tuple[str, str | None]]:
    """A result's ``diff`` (one or a list) as lines with their styles.

    Each diff is a mapping: ``prepared`` text, or ``before`` and ``after`` (text, or data that is compared as
    JSON) with ``before_header`` and ``after_header``; or a note why there is none. Other shapes give none.

    Args:
        context: how many lines stand around a change.
    """
    return [line for one in (diff if isinstance(diff, list) else [diff]) for line in _one(one, context)]


def _one(diff: Any, context: int) -> Iterator[tuple[str, str | None]]:
    if not isinstance(diff, Mapping):
        return
    for key, text in _SKIPPED.items():
        if diff.get(key):
            yield safe_line(text.format(diff[key])), None
    if "before" in diff and "after" in diff:
        made = list(_unified(diff, context))
        yield from made
        if len(made) > 1:
            yield "", None  # an empty line ends a diff
    if diff.get("prepared"):
        for line in safe_block(str(diff["prepared"])).removesuffix("\n").split("\n"):
            yield line, _style(line)


def _unified(diff: Mapping[str, Any], context: int) -> Iterator[tuple[str, str | None]]:
    before, after = _as_text(diff["before"]), _as_text(diff["after"])
    if len(before) + len(after) > _LARGEST:
        yield _SKIPPED["dst_larger"].format(_LARGEST), None
        return
    old, new = (
        f"{side}: {diff[f'{side}_header']}" if diff.get(f"{side}_header") else side for side in ("before", "after")
    )
    # Split at \n alone: other line breaks are part of a line, and a lone \r or \f is a change to be seen.
    lines = difflib.unified_diff(_split(before), _split(after), old, new, lineterm="", n=context)
    for number, line in enumerate(lines):
        style = _style(line)
        bare = line.removesuffix("\n")
        yield safe_block(bare), style
        if number >= 2 and bare == line and not line.startswith("@@"):
            yield _NO_NEWLINE, style


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def _as_text(side: Any) -> str:
    if side is None:
        return ""
    if isinstance(side, str):
        return side
    return to_text(side, indent=4) + "\n"


def _style(line: str) -> str | None:
    return {"+": "added", "-": "removed", "@": "hunk"}.get(line[:1])
