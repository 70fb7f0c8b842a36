"""How far a whole run is, and how long it may still take: one line of the live display."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stella_ops.console.progress import duration
from stella_ops.console.text import shorten
from stella_ops.engine.events import (
    Event,
    HostFinished,
    HostStarted,
    NoHostsLeft,
    PlayStarted,
    RunStarted,
    TaskStarted,
)

_BAD = frozenset(("failed", "unreachable"))
# Before so much is done, the rate so far says nothing; seconds, and a share of all tasks.
_SECONDS, _SHARE = 10.0, 0.05
# How much faster or slower than the last time a run is taken to be, at the most.
_PACES = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class PastRun:
    """An earlier run of the same playbooks. Seconds from its start: when its tasks ended on its hosts, and its end."""

    ends: Sequence[float]
    duration: float

    def after(self, share: float) -> float:
        """Seconds after which so large a share of its tasks was done (0 to 1)."""
        count = min(len(self.ends), round(share * len(self.ends)))
        return self.ends[count - 1] if count else 0.0


class Overview:
    """Counts the tasks of a run, each for every host. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.past: PastRun | None = None
        self.began: float | None = None
        self._known = 0
        self._done = 0
        self._changed = 0.0  # when the last task ended
        self._hosts_total = 0
        self._tasks_of_play = 0
        self._hosts_of_play: set[str] = set()
        self._done_in_play: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        # Hosts that are out, and how many tasks each leaves undone.
        self._out: dict[str, int] = {}
        self._through: set[str] = set()

    def take(self, event: Event, now: float) -> None:
        """Take in an event."""
        match event:
            case RunStarted() if event.tasks_total:
                self.began = self._changed = now
                self._known = event.tasks_total
                self._hosts_total = event.hosts_total
            case PlayStarted():
                self._tasks_of_play = event.tasks
                self._hosts_of_play = set(event.hosts)
                self._done_in_play.clear()
                self._running.clear()
                self._through -= self._hosts_of_play
            case TaskStarted() if event.handler:
                self._known += len(event.hosts)
            case HostStarted():
                self._running[event.host] += 1
                if event.host in self._out:
                    # A rescue goes on with it.
                    self._known += self._out.pop(event.host)
            case HostFinished():
                self._host(event, now)
            case NoHostsLeft():
                self._known = self._done

    def _host(self, event: HostFinished, now: float) -> None:
        host = event.host
        self._changed = now
        self._done += 1
        self._done_in_play[host] += 1
        self._running[host] -= 1
        if self._running[host] <= 0:
            del self._running[host]
        left = max(0, self._tasks_of_play - self._done_in_play[host])
        if event.status in _BAD:
            self._out[host] = left
            self._known -= left
        elif not left:
            self._through.add(host)
        self._known = max(self._known, self._done)

    def left(self, now: float) -> float | None:
        """Seconds that the run may still take; None where nothing tells."""
        if self.began is None or not self._known or not self._done:
            return None
        share = self._done / self._known
        spent = self._changed - self.began
        if self.past is not None:
            before = self.past.after(share)
            pace = min(max(spent / before, _PACES[0]), _PACES[1]) if before > 1 else 1.0
            rest = (self.past.duration - before) * pace
        elif now - self.began < _SECONDS or share < _SHARE:
            return None
        else:
            rest = spent * (1 - share) / share
        rest -= now - self._changed
        # What takes longer than it should may take any time.
        return rest if rest > 0 else None

    def line(self, now: float, columns: int) -> str | None:
        """The line; None for a run that is too small to need one."""
        if self.began is None or self._known < 2:
            return None
        parts = [f"{self._done:,} of {self._known:,} tasks ({100 * self._done // self._known} %)"]
        if self._hosts_total > 1:
            hosts = [f"{len(self._running):,} at work"]
            if through := len(self._through - self._out.keys()):
                hosts.append(f"{through:,} done")
            if self._out:
                hosts.append(f"{len(self._out):,} failed")
            parts.append(f"{self._hosts_total:,} hosts: {', '.join(hosts)}")
        parts.append(duration(now - self.began))
        left = self.left(now)
        if left is not None:
            known_by = "by the last run" if self.past is not None else "at this rate"
            parts.append(f"{roughly(left)} left {known_by}")
        return shorten("run: " + "; ".join(parts), columns)


def roughly(seconds: float) -> str:
    """A time span that is only guessed: ``a moment``, ``about 20 s``, ``about 4 min``, ``about 2 h 10 min``."""
    if seconds < 5:
        return "a moment"
    steps = [10, 20, 30, 40, 50, 60]
    if seconds <= 55:
        return f"about {steps[bisect_right(steps, seconds - 5)]} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min"
    tens = round(minutes / 10) * 10
    return f"about {tens // 60} h {tens % 60:02} min"
