"""Where reporters write: a text stream that survives a closed pipe and a poor encoding.

A reader that goes away (``stella-ops play … | head``) ends the output and not the run: hosts must not be left
half done because nobody reads on. So the writer falls silent and the run keeps its own exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Protocol, TextIO

STYLES: Mapping[str, str] = {  # the colours of ansible-core, so that eyes trained there find their way
    "ok": "0;32",
    "changed": "0;33",
    "skipped": "0;36",
    "failed": "0;31",
    "unreachable": "1;31",
    "ignored": "1;35",
    "warning": "1;35",
    "verbose": "0;34",
    "retry": "1;30",
    "hint": "0;36",
    "included": "0;36",
    "added": "0;32",
    "removed": "0;31",
    "hunk": "0;36",
    "bold": "1",
}
CHOSEN_STYLES: ContextVar[Mapping[str, str]] = ContextVar("chosen_styles", default=STYLES)


def paint(text: str, style: str | None) -> str:
    """A text in a colour, line by line, so that a line that is cut out keeps its own."""
    code = CHOSEN_STYLES.get().get(style or "")
    if code is None:
        return text
    return "\n".join(f"\x1b[{code}m{line}\x1b[0m" for line in text.split("\n"))


def wants_color(stream: TextIO, environ: Mapping[str, str] | None = None) -> bool:
    """Whether colours belong on a stream: a terminal that is not dumb, and no ``NO_COLOR`` (no-color.org)."""
    env = os.environ if environ is None else environ
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return True
    return _is_terminal(stream) and env.get("TERM") != "dumb"


def is_live_terminal(stream: TextIO, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a stream can be drawn on: a terminal that moves its cursor."""
    env = os.environ if environ is None else environ
    return _is_terminal(stream) and env.get("TERM", "") not in ("", "dumb", "unknown")


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # no such method, or closed
        return False


class Sink(Protocol):
    """Takes finished lines. ``style`` is a key of ``STYLES``."""

    def line(self, text: str, style: str | None = None) -> None: ...

    def warn(self, text: str) -> None: ...

    def flush(self) -> None: ...


class StreamSink:
    """Writes lines to a stream, warnings to another; never raises for a reader that went away.

    Args:
        stream: for what was asked for, usually stdout.
        errors: for warnings, usually stderr.
        color: whether to paint.
    """

    def __init__(self, stream: TextIO, errors: TextIO | None = None, *, color: bool = False) -> None:
        self._stream = stream
        self._errors = errors
        self._color = color
        self.broken = False

    def line(self, text: str, style: str | None = None) -> None:
        """Write one line, or several that are joined by newlines."""
        if not self.broken:
            self.write(self._stream, (paint(text, style) if self._color else text) + "\n")

    def warn(self, text: str) -> None:
        """Write one line to the error stream, after all that was written before."""
        self.flush()
        errors = sys.stderr if self._errors is None else self._errors
        try:
            errors.write(encodable(errors, (paint(text, "warning") if self._color else text) + "\n"))
            errors.flush()
        except (OSError, ValueError):
            pass  # nobody can be told that nobody can be told

    def write(self, stream: TextIO, text: str) -> None:
        """Write raw text; a closed pipe silences the sink."""
        try:
            stream.write(encodable(stream, text))
        except (BrokenPipeError, ValueError):
            self._fall_silent()

    def flush(self) -> None:
        if self.broken:
            return
        try:
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self._fall_silent()

    def _fall_silent(self) -> None:
        self.broken = True
        discard(self._stream)


def encodable(stream: TextIO, text: str) -> str:
    """A text that the stream's encoding can hold; what it cannot is written as escapes."""
    encoding = getattr(stream, "encoding", None)
    if not encoding or (text.isascii()):
        return text
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "backslashreplace").decode("ascii")
    return text


def discard(stream: TextIO) -> None:
    """Let all further output of a stream go nowhere, also what the interpreter flushes at its end."""
    try:
        number = stream.fileno()
    except (OSError, ValueError, AttributeError):  # a stream without a file
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, number)
    finally:
        os.close(nowhere)
