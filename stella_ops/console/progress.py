"""How far a running task is: the two lines that a terminal shows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice

from stella_ops.console.output import Tails
from stella_ops.console.text import safe_line, shorten, width

_BAR = 24
_NAMED = 5
_BAD = ("failed", "unreachable", "rescued")


class Progress:
    """One task on its hosts. Times are monotonic seconds."""

    def __init__(self, task: str, total: int, began: float) -> None:
        self.task = task
        self.total = total
        self.done = 0
        self.running: dict[str, float] = {}  # in the order they began, so the slowest come first
        self._began = began
        self._counts: Counter[str] = Counter()
        self._notes: dict[str, str] = {}
        self.tails = Tails()

    def started(self, host: str, now: float) -> None:
        """A host begins."""
        self.running[host] = now

    def note(self, host: str, text: str) -> None:
        """Something to say of a host while it runs."""
        self._notes[host] = text

    def finished(self, host: str, status: str) -> None:
        """A host has ended."""
        self.done += 1
        self._counts[status] += 1
        self.running.pop(host, None)
        self._notes.pop(host, None)
        self.tails.end(host)

    def lines(self, now: float, columns: int, rows: int = 0) -> list[tuple[str, str | None]]:
        """The lines to show, no wider than the terminal: the bar with its counts, the hosts still at it, and in as many
        rows at the most what they have printed last."""
        filled = _BAR * self.done // self.total if self.total else _BAR
        # Plain ASCII: it shows on every terminal and in every recording.
        bar = f"[{'#' * filled}{'.' * (_BAR - filled)}]"
        counts = [f"{self.done:,}/{self.total:,}"]
        if self._counts["changed"]:
            counts.append(f"{self._counts['changed']:,} changed")
        if bad := sum(self._counts[status] for status in _BAD):
            counts.append(f"{bad:,} failed")
        if ignored := self._counts["ignored"]:
            counts.append(f"{ignored:,} ignored")
        tail = f" {bar} {', '.join(counts)}  {duration(now - self._began)}"
        name = shorten(safe_line(self.task), max(10, columns - 1 - width(tail)))
        lines: list[tuple[str, str | None]] = [(shorten(name + tail, columns - 1), "failed" if bad else "bold")]
        if self.running:
            lines.append((self._hosts(now, columns - 1), "skipped"))
        lines += [(line, None) for line in self.tails.shown(rows, columns - 1)]
        return lines

    def _hosts(self, now: float, columns: int) -> str:
        shown: list[str] = []
        for host, since in islice(self.running.items(), _NAMED):
            note = f" ({self._notes[host]})" if host in self._notes else ""
            shown.append(f"{safe_line(host)} {duration(now - since)}{note}")
        while True:
            hidden = len(self.running) - len(shown)
            text = "  " + ", ".join(shown) + (f" and {hidden:,} more" if hidden else "")
            if width(text) <= columns or len(shown) == 1:
                return shorten(text, columns)
            shown.pop()


def count_line(counts: Mapping[str, int]) -> tuple[str, str]:
    """What stands for the lines of many hosts: ``ok: 48 hosts, changed: 2 hosts``; with its style."""
    parts: list[str] = []
    style = ""
    for status, word in (("ok", "ok"), ("changed", "changed"), ("skipped", "skipping")):
        if count := counts.get(status, 0):
            parts.append(f"{word}: {count:,} host{'s' if count != 1 else ''}")
            style = status if status == "changed" or not style else style
    return ", ".join(parts), style


def duration(seconds: float) -> str:
    """A time span for people: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def transferred(sent: int, total: int) -> str:
    """How far a file is: ``120 of 1,024 MiB (11 %)``."""
    mib = 1 << 20
    return f"{sent // mib:,} of {-(-total // mib):,} MiB ({100 * sent // total if total else 100} %)"
