"""What commands print while they run: lines out of the pieces that come, and the last of them for a terminal."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, TextIO

from stella_ops.console.results import item_label
from stella_ops.console.stream import StreamSink
from stella_ops.console.text import safe_line, shorten, width
from stella_ops.engine.events import Event, HostFinished, HostOutput, ItemFinished, RetryWaiting, RunFinished

# Colours and movements of the cursor, which programs send to what they take for a terminal (ECMA-48).
_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-Z\\^_`-~])")
# What is kept of a line that does not end.
_LONG = 4096

_NAME_COLUMNS = 24


def shown(line: str) -> str:
    """A line as a terminal would have it in the end: without colours, and where it was written over, the last."""
    line = _SEQUENCE.sub("", line)
    if "\r" in line:
        line = next((part for part in reversed(line.split("\r")) if part), "")
    return safe_line(line.expandtabs())


class Pieces:
    """Makes lines of the pieces of one stream."""

    def __init__(self) -> None:
        self._rest = ""

    @property
    def unfinished(self) -> str:
        """The line that goes on, as it is by now."""
        return shown(self._rest)

    def take(self, text: str, skipped: int = 0) -> Iterator[str]:
        """The lines that a piece completes; ``skipped`` bytes before it are missing."""
        if skipped:
            yield from self.end()
            yield f"… {skipped:,} bytes are not shown"
        *lines, rest = (self._rest + text).split("\n")
        self._rest = rest[-_LONG:]
        yield from map(shown, lines)

    def end(self) -> Iterator[str]:
        """There is no more of it: the line that was not finished, if any."""
        if self._rest:
            yield self.unfinished
            self._rest = ""


class OutputLines:
    """Prints what commands print as lines that name their host; on standard error, so that other output stays as it is.

    Args:
        stream: where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._sink = StreamSink(stream)
        self._open: dict[tuple[int, str], dict[str, tuple[str, Pieces]]] = {}

    def handle(self, event: Event) -> None:
        """Print what an event completes."""
        match event:
            case HostOutput():
                streams = self._open.setdefault((event.task_id, event.host), {})
                name, pieces = streams.setdefault(event.stream, (_name(event), Pieces()))
                self._print(name, pieces.take(event.text, event.skipped))
            case HostFinished() | ItemFinished() | RetryWaiting():
                self._end(event.task_id, event.host)
            case RunFinished():
                for task_id, host in list(self._open):
                    self._end(task_id, host)

    def close(self) -> None:
        """Flush the stream."""
        self._sink.flush()

    def _end(self, task_id: int, host: str) -> None:
        for name, pieces in self._open.pop((task_id, host), {}).values():
            self._print(name, pieces.end())

    def _print(self, name: str, lines: Iterator[str]) -> None:
        for line in lines:
            self._sink.line(f"{name} | {line}".rstrip())
        self._sink.flush()


def _name(event: HostOutput) -> str:
    name = safe_line(event.host)
    if event.delegate not in (None, event.host):
        name += f" -> {safe_line(event.delegate)}"
    return name if event.item is None else f"{name} (item={safe_line(_label(event.item))})"


def _label(item: Any) -> str:
    return shorten(str(item_label(item, {})), 40)


class Tails:
    """The last lines that the hosts of one task have printed, for a live display.

    Args:
        lines: how many are kept for a host.
    """

    def __init__(self, lines: int = 10) -> None:
        self._lines = lines
        self._hosts: dict[str, _Tail] = {}

    def take(self, event: HostOutput) -> None:
        """A host has printed something."""
        if event.host not in self._hosts:
            self._hosts[event.host] = _Tail(self._lines)
        self._hosts[event.host].take(event)

    def next(self, host: str) -> None:
        """A host has ended an item or an attempt: what comes next begins with a line of its own."""
        if tail := self._hosts.get(host):
            tail.next()

    def end(self, host: str) -> None:
        """A host has ended the task."""
        self._hosts.pop(host, None)

    def shown(self, rows: int, columns: int) -> list[str]:
        """The last lines of as many hosts as there are rows for, the first that were heard.

        So a host keeps its place as long as it is at work: lines that jump about cannot be read.
        """
        if not self._hosts or rows < 1:
            return []
        each = max(1, rows // len(self._hosts))
        names: dict[str, str] = {}
        for host, tail in islice(self._hosts.items(), rows):
            label = "" if tail.item is None else f" ({_label(tail.item)})"
            names[host] = shorten(safe_line(host + label), _NAME_COLUMNS)
        widest = max(map(width, names.values()))
        return [
            shorten(f"    {name}{' ' * (widest - width(name))} | {line}", columns)
            for host, name in names.items()
            for line in self._hosts[host].last(each)
        ]


class _Tail:
    """What one host has printed last."""

    def __init__(self, lines: int) -> None:
        self._done: deque[str] = deque(maxlen=lines)
        self._streams: dict[str, Pieces] = {}
        self.item: Any = None

    def take(self, event: HostOutput) -> None:
        self.item = event.item
        pieces = self._streams.setdefault(event.stream, Pieces())
        self._done.extend(line[:_LONG] for line in pieces.take(event.text, event.skipped))

    def next(self) -> None:
        for pieces in self._streams.values():
            self._done.extend(pieces.end())

    def last(self, count: int) -> list[str]:
        going_on = [pieces.unfinished for pieces in self._streams.values() if pieces.unfinished]
        return [*self._done, *going_on][-count:]
