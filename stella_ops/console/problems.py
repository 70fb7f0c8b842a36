"""Errors as an operator reads them: what is wrong, the place with its source lines, what to do next."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stella_ops.console.stream import paint
from stella_ops.console.text import safe_block, safe_line, shorten, width
from stella_ops.errors import StellaError
from stella_ops.redaction import MASK

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?::(?P<column>\d+))?", re.DOTALL)
_TITLE = "[ERROR]:"  # as ansible-core 2.19 begins an error
_LINES_BEFORE = 2
_LARGEST_FILE = 4 * 1024 * 1024
_WIDEST = 150
_LONGEST_BLOCK = 100
_VAULT = "$ANSIBLE_VAULT"
_SECRET_LINE = re.compile(  # in YAML, in INI host lines, in flow mappings
    r"(?i)(?P<key>[\w.-]*(?:pass(?:word|wd|phrase|code)?|secret|token|credential|private[_-]?key|api[_-]?key)"
    r"[\w.-]*[\"']?\s*[:=]\s*)(?P<value>\S.*)$"
)


def render_error(error: StellaError, *, color: bool, source_excerpt: bool = True) -> str:
    """An error as text that ends with a newline.

    Args:
        error: what happened; with a list of errors in an attribute ``problems``, each of them is shown too.
        color: whether to paint.
        source_excerpt: whether to show the lines at ``error.where`` when it is ``file:line[:column]``. Never
            shown: lines of files with vaulted values, of errors with an attribute ``no_excerpt``, and the
            values of keys that are named like secrets.
    """
    lines = list(_render(error, _TITLE, color, source_excerpt))
    for problem in _problems_of(error):
        lines.append("")
        lines.extend(_render(problem, _TITLE, color, source_excerpt))
    return "\n".join(lines) + "\n"


def render_unexpected(error: BaseException, *, color: bool, verbosity: int = 0) -> str:
    """Any other exception: a defect of ours. Its traceback is shown with ``-vvv`` only."""
    said = safe_line(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    lines = [
        paint_if(color, f"{_TITLE} {said}", "failed"),
        "",
        "This is a defect in stella-ops, not in what you asked for.",
    ]
    if verbosity >= 3:
        lines += ["", safe_block("".join(traceback.format_exception(error))).rstrip()]
    else:
        lines.append(paint_if(color, "hint: run it again with -vvv and report what it prints", "hint"))
    return "\n".join(lines) + "\n"


def render_exception(error: BaseException, *, color: bool, verbosity: int = 0) -> str:
    """Any exception, of an exception group each member; with ``-vvv`` the traceback follows."""
    leaves = list(_leaves(error))
    known = [leaf for leaf in leaves if isinstance(leaf, StellaError)]
    unknown = [leaf for leaf in leaves if not isinstance(leaf, StellaError)]
    texts = [render_error(leaf, color=color) for leaf in known]
    if known and verbosity >= 3:
        texts.append(safe_block("".join(traceback.format_exception(error))))
    texts += [render_unexpected(leaf, color=color, verbosity=verbosity) for leaf in unknown]
    return "\n".join(dict.fromkeys(texts))


def paint_if(color: bool, text: str, style: str) -> str:
    """A text, painted when colours are wanted."""
    return paint(text, style) if color else text


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _problems_of(error: StellaError) -> list[StellaError]:
    found = getattr(error, "problems", None)
    if not isinstance(found, Iterable) or isinstance(found, str):
        return []
    said = {(error.message, error.where)}  # the first of several may carry them all, itself among them
    problems = []
    for one in found:
        problem = one if isinstance(one, StellaError) else StellaError(str(one))
        if (problem.message, problem.where) not in said:
            said.add((problem.message, problem.where))
            problems.append(problem)
    return problems


def _render(error: StellaError, title: str, color: bool, source_excerpt: bool) -> Iterator[str]:
    yield paint_if(color, f"{title} {safe_block(error.message).rstrip()}", "failed")
    if error.where:
        yield ""
        yield f"  {safe_line(error.where)}"
        if source_excerpt and not getattr(error, "no_excerpt", False):
            yield from excerpt(error.where, color)
    yield from (f"note: {safe_line(note)}" for note in error.notes)
    if error.hint:
        yield paint_if(color, f"hint: {safe_block(error.hint).rstrip()}", "hint")
    if error.runbook:
        yield f"runbook: {safe_line(error.runbook)}"


def excerpt(where: str, color: bool) -> Iterator[str]:
    """The lines of a source at ``file:line[:column]`` with a caret below; nothing of files that hold secrets."""
    place = _PLACE.fullmatch(where)
    lines = _source_lines(Path(place["file"])) if place else None
    if place is None or lines is None:
        return
    number, column = int(place["line"]), int(place["column"] or 0)
    if not 1 <= number <= len(lines):
        return
    first = max(1, number - _LINES_BEFORE)
    gutter = len(str(number))
    for at in range(first, number + 1):
        yield f"  {at:>{gutter}} | {shorten(_shown(lines, at - 1), _WIDEST)}".rstrip()
    line = _shown(lines, number - 1)
    if column and line == _plain(lines[number - 1]):  # no caret below a masked value
        indent = width(_plain(lines[number - 1][: column - 1]))
        if indent < _WIDEST:
            yield f"  {' ' * gutter} | {' ' * indent}{paint_if(color, '^', 'failed')}"


def _plain(line: str) -> str:
    return safe_line(line.expandtabs(4))


def _shown(lines: Sequence[str], index: int) -> str:
    """A line without the value of a key that is named like a secret, also of one that began lines above."""
    line = lines[index]
    found = _SECRET_LINE.search(line)
    if found and "{{" not in found["value"]:
        return _plain(line[: found.start("value")] + MASK)
    indent = _indent(line)
    for above in reversed(lines[max(0, index - _LONGEST_BLOCK) : index]):
        if above.strip() and _indent(above) < indent:
            begun = _SECRET_LINE.search(above)
            if begun and begun["value"][0] in "|>\"'":
                return " " * indent + MASK
            break
    return _plain(line)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _source_lines(path: Path) -> list[str] | None:
    """A source's lines; None when it cannot be read or should not be shown."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return None
        text = path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None
    if _VAULT in text or "!vault" in text or "-----BEGIN" in text:
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
