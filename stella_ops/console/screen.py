"""A terminal with a live area at its foot, drawn by rich, above which finished lines scroll by."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from stella_ops.console.stream import StreamSink, discard, encodable, paint

if TYPE_CHECKING:
    from rich.live import Live
    from rich.segment import Segment


class Screen:
    """A sink that keeps lines until they are drawn. ``line`` and ``take`` are cheap; ``draw`` may block.

    Args:
        stream: the terminal.
        color: whether to paint.
        errors: for warnings; standard error by default. When it is a terminal they go among the lines, as
            written past them they would tear the live area.
    """

    def __init__(self, stream: TextIO, *, color: bool, errors: TextIO | None = None) -> None:
        self._stream = stream
        self._color = color
        self._errors = sys.stderr if errors is None else errors
        self._pending: list[str] = []
        self._live: Live | None = None
        self._plain = False
        self.broken = False

    @property
    def columns(self) -> int:
        """The terminal's width now."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    @property
    def rows(self) -> int:
        """The terminal's height now."""
        try:
            return os.get_terminal_size(self._stream.fileno()).lines or 24
        except (OSError, ValueError):
            return 24

    def line(self, text: str, style: str | None = None) -> None:
        if not self.broken:
            self._pending.append(paint(text, style) if self._color else text)

    def warn(self, text: str) -> None:
        if self._errors.isatty():
            self.line(text, "warning")
        else:
            StreamSink(self._stream, self._errors).warn(text)

    def flush(self) -> None:
        """Nothing: lines wait for the next drawing."""

    def take(self) -> list[str]:
        """The lines that wait, which then wait no more."""
        pending, self._pending = self._pending, []
        return pending

    def draw(self, pending: list[str], area: list[tuple[str, str | None]]) -> None:
        """Print lines above the live area, and the area anew. A terminal that went away ends all drawing."""
        if self.broken:
            return
        try:
            self._draw(pending, [] if self._plain else area)
        except (OSError, ValueError, SystemExit):  # rich makes a SystemExit of a broken pipe
            self.broken = True
            discard(self._stream)
        except Exception:  # rich is missing or trips: without the live area, but no line is lost
            self._plain, self._live = True, None
            self.draw(pending, [])

    def end(self) -> None:
        """Print the last lines, remove the live area, show the cursor."""
        self.draw(self.take(), [])
        live, self._live = self._live, None
        if live is not None:
            try:
                live.stop()
            except (OSError, ValueError, SystemExit):
                self.broken = True
                discard(self._stream)

    def _draw(self, pending: list[str], area: list[tuple[str, str | None]]) -> None:
        text = encodable(self._stream, "".join(f"{line}\n" for line in pending))
        if self._live is None and not area:
            self._stream.write(text)
            self._stream.flush()
            return
        live = self._live or self._start()
        painted = (paint(line, style) if self._color else line for line, style in area)
        with live.console:  # one write for both: nothing flickers
            if text:
                live.console.print(_Raw(text), end="")
            _show(live, encodable(self._stream, "\n".join(painted)))

    def _start(self) -> Live:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._stream, force_terminal=True, no_color=not self._color, highlight=False)
        # What others print meanwhile is led above the area; a stream that is redirected elsewhere stays so.
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._live.start()
        return self._live


def _show(live: Live, area: str) -> None:
    from rich.text import Text

    shown = Text.from_ansi(area)
    shown.no_wrap = True
    shown.overflow = "crop"
    live.update(shown, refresh=True)


class _Raw:
    """Lines as they are: rich does not measure, wrap or colour them; a long one can be copied whole."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, *_: object) -> Iterator[Segment]:
        from rich.segment import ControlType, Segment

        # Marked as a control code, whose text rich passes through untouched.
        yield Segment(self._text, None, [(ControlType.CARRIAGE_RETURN,)])
