"""A run on a terminal: finished lines scroll by, below them a few lines show what is going on now."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from stella_ops.console.adhoc import AdHocReporter
from stella_ops.console.lines import LineReporter
from stella_ops.console.overview import Overview, PastRun
from stella_ops.console.progress import Progress, count_line, duration, transferred
from stella_ops.console.recap import recap_line
from stella_ops.console.results import is_loud
from stella_ops.console.resumed import resumed_recap
from stella_ops.console.screen import Screen
from stella_ops.console.stream import is_live_terminal, wants_color
from stella_ops.console.text import banner
from stella_ops.engine.events import (
    Event,
    HostFinished,
    HostOutput,
    HostStarted,
    ItemFinished,
    PlayStarted,
    Reporter,
    Resumed,
    RetryWaiting,
    RunFinished,
    RunStarted,
    TaskStarted,
    TransferProgress,
)

MANY_HOSTS = 20
_OUTPUT_ROWS = 8
_LOOK_BACK = 3.0  # seconds after which an earlier run is looked for
_QUIET = frozenset(("ok", "changed", "skipped"))
_INTERVAL = 0.1  # seconds between two drawings, at least
_IDLE = 1.0  # seconds after which the elapsed times are drawn anew

FindPast = Callable[[RunStarted], PastRun | None]


class LiveReporter:
    """Shows a run on a terminal; on anything else it prints plain lines as ``LineReporter`` does.

    ``handle`` only notes what happened; a thread of its own draws, ten times a second at most, so that a
    terminal that is slow or stopped (Ctrl-S) costs the run nothing.

    Args:
        stream: the terminal.
        kind: ``play``, or ``run`` for one module on many hosts.
        verbosity: the number of ``-v``; from 1 on the lines of many hosts are not counted together.
        errors: for warnings when the stream is no terminal.
        environ: in place of ``os.environ`` (``TERM``, ``NO_COLOR``).
        clock: monotonic seconds.
        past: finds an earlier run of the same playbooks, for an estimate; called by the drawing thread.
        threaded: False leaves the drawing to calls of ``draw``.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        kind: str = "play",
        verbosity: int = 0,
        errors: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        past: FindPast | None = None,
        threaded: bool = True,
    ) -> None:
        self._live_terminal = is_live_terminal(stream, environ)
        self._color = wants_color(stream, environ)
        self._kind = kind
        self._verbosity = verbosity
        self._clock = clock
        self._past = past
        self._overview = Overview()
        self._start: RunStarted | None = None
        self._screen = Screen(stream, color=self._color, errors=errors) if self._live_terminal else None
        maker = AdHocReporter if kind == "run" else LineReporter
        self._lines: Reporter = maker(stream, verbosity=verbosity, color=self._color, errors=errors, sink=self._screen)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._progress: dict[int, Progress] = {}
        self._counts: dict[int, Counter[str]] = {}
        self._actions: dict[int, str] = {}
        self._many = False
        self._check = False
        self._kept = ""
        self._thread: threading.Thread | None = None
        if self._live_terminal and threaded:
            self._thread = threading.Thread(target=self._keep_drawing, name="stella-console", daemon=True)
            self._thread.start()

    @property
    def shows_output(self) -> bool:
        """Whether it shows what commands print while they run."""
        return self._screen is not None

    def handle(self, event: Event) -> None:
        """Note an event; it is drawn soon."""
        if self._screen is None:
            self._lines.handle(event)
            return
        with self._lock:
            self._take(event)
        self._wake.set()

    def close(self) -> None:
        """Draw what is left and give the terminal back; more than once does no harm."""
        if self._screen is None:
            self._lines.close()
            return
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            self._end_tasks()
        self._screen.end()

    def draw(self) -> None:
        """Bring the terminal up to date."""
        if self._screen is None:
            return
        with self._lock:
            pending = self._screen.take()
            area = self._area(self._screen.columns, self._screen.rows) if self._progress else []
        self._screen.draw(pending, area)

    def _keep_drawing(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(_IDLE)
            self._wake.clear()
            self.draw()
            self.look_back()
            self._stop.wait(_INTERVAL)

    def look_back(self) -> None:
        """Once, when the run has taken long enough to be worth it: look for an earlier one."""
        if self._past is None or self._start is None:
            return
        began = self._overview.began
        if began is None or self._clock() - began < _LOOK_BACK:
            return
        find, self._past = self._past, None
        try:
            found = find(self._start)
        except Exception:  # without an estimate, then
            return
        with self._lock:
            self._overview.past = found

    def _area(self, columns: int, rows: int = 24) -> list[tuple[str, str | None]]:
        now = self._clock()
        # Where hosts do not wait for each other, some tasks are over but for hosts that failed before.
        shown = [progress for progress in self._progress.values() if progress.running or not progress.done]
        lines: list[tuple[str, str | None]] = []
        # Two thirds of the terminal stay with what has ended.
        for_output = max(1, min(_OUTPUT_ROWS, rows // 3 - 3)) // max(1, len(shown[:2]))
        for progress in shown[:2]:
            lines += progress.lines(now, columns, for_output)
        if len(shown) > 2:
            lines.append((f"… and {len(shown) - 2} more tasks", "skipped"))
        if lines and (overview := self._overview.line(now, columns - 1)):
            lines.append((overview, "bold"))
        return lines

    def _take(self, event: Event) -> None:
        self._overview.take(event, self._clock())
        match event:
            case RunStarted():
                self._start = event
                self._check = event.check
                self._many = event.hosts_total > MANY_HOSTS
            case PlayStarted():
                self._end_tasks()
                self._many = len(event.hosts) > MANY_HOSTS
            case TaskStarted():
                self._many = self._many or len(event.hosts) > MANY_HOSTS
                self._actions[event.task_id] = event.action
                self._progress[event.task_id] = Progress(event.task, len(event.hosts), self._clock())
            case HostStarted():
                if progress := self._progress.get(event.task_id):
                    progress.started(event.host, self._clock())
            case RetryWaiting():
                if progress := self._progress.get(event.task_id):
                    progress.note(event.host, f"retrying, {event.left} left")
                    progress.tails.next(event.host)
            case ItemFinished():
                if progress := self._progress.get(event.task_id):
                    progress.tails.next(event.host)
            case HostOutput():
                if progress := self._progress.get(event.task_id):
                    progress.tails.take(event)
                return
            case TransferProgress():
                if progress := self._progress.get(event.task_id):
                    progress.note(event.host, transferred(event.sent, event.total))
                return
            case HostFinished():
                self._host(event)
            case Resumed():
                self._kept = resumed_recap(event)
            case RunFinished():
                self._finish(event)
                return
        if not self._counted(event):
            self._lines.handle(event)
        if isinstance(event, HostFinished):
            progress = self._progress.get(event.task_id)
            if progress is not None and progress.done >= progress.total:
                self._end_task(event.task_id)

    def _collapses(self) -> bool:
        return self._many and not self._verbosity and self._kind != "run"

    def _host(self, event: HostFinished) -> None:
        if progress := self._progress.get(event.task_id):
            progress.finished(event.host, event.status)
        if self._counted(event):
            self._counts.setdefault(event.task_id, Counter())[event.status] += 1

    def _counted(self, event: Event) -> bool:
        """Whether an event is told by its task's count line alone."""
        if not self._collapses():
            return False
        if isinstance(event, RetryWaiting):
            return True
        if not isinstance(event, HostFinished | ItemFinished) or event.status not in _QUIET:
            return False
        return not self._tells_more(event.task_id, event.status, event.result)

    def _tells_more(self, task_id: int, status: str, result: Mapping[str, Any]) -> bool:
        """Whether a result says something that the operator asked to see: a message, a diff, a warning."""
        if status != "skipped" and is_loud(result, self._actions.get(task_id, "")):
            return True
        return bool(result.get("warnings")) or bool(result.get("diff") and result.get("changed"))

    def _end_tasks(self) -> None:
        for task_id in [*self._progress, *self._counts]:
            self._end_task(task_id)

    def _end_task(self, task_id: int) -> None:
        self._progress.pop(task_id, None)
        counts = self._counts.pop(task_id, None)
        if counts and self._screen is not None:
            if isinstance(self._lines, LineReporter):
                self._lines.under(task_id)
            self._screen.line(*count_line(counts))

    def _finish(self, event: RunFinished) -> None:
        assert self._screen is not None
        self._end_tasks()
        if self._kind == "run":
            self._lines.handle(event)
        else:
            self._recap(event)
        took = f"{len(event.hosts)} {'host' if len(event.hosts) == 1 else 'hosts'} in {duration(event.duration)}"
        notes = ["check mode: nothing was changed"] if self._check else []
        if self._kept:
            notes.append(self._kept)
        if event.interrupted:
            notes.append("interrupted before all tasks had run")
        self._screen.line("; ".join([took, *notes]), "ignored" if event.interrupted else "bold")

    def _recap(self, event: RunFinished) -> None:
        assert self._screen is not None
        self._screen.line("")
        self._screen.line(banner("PLAY RECAP"))
        hosts = sorted(event.hosts)
        if len(hosts) > MANY_HOSTS and not self._verbosity:
            hosts = [h for h in hosts if event.hosts[h].failed or event.hosts[h].unreachable]
        for host in hosts:
            self._screen.line(recap_line(host, event.hosts[host], color=self._color))
        if others := [tally for host, tally in event.hosts.items() if host not in set(hosts)]:
            changed = sum(1 for tally in others if tally.changed)
            which = "other hosts" if hosts else "hosts"
            text = f"{len(others):,} {which} without a failure, {changed:,} of them changed"
            self._screen.line(text, "changed" if changed else "ok")
        self._screen.line("")
