"""A run as JSON in the forms of the callbacks ``ansible.posix.json`` and ``ansible.posix.jsonl``.

Scripts written for them read ``plays[].tasks[].hosts`` and ``stats``. The first prints one document when the run is
over; the second a line for each thing that happens, and keeps nothing. ``--output json`` has more, in our own form.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import json
from collections.abc import Mapping
from typing import Any, TextIO

from stella_ops.console.custom_stats import CustomStats
from stella_ops.console.results import plain, tame
from stella_ops.console.stream import StreamSink
from stella_ops.console.task_errors import task_path
from stella_ops.console.warned import WarningPrinter
from stella_ops.engine.events import (
    Event,
    HostFinished,
    HostStarted,
    HostTally,
    PlayStarted,
    RunFinished,
    TaskStarted,
    Warned,
)

# Hosts wait for each other: a task stands once, with all of them. Else it stands once for each host.
_TOGETHER = ("linear", "debug")
_WHERE_TRUE = ("failed", "skipped", "unreachable")
_METHODS = {"skipped": "skipped", "unreachable": "unreachable", "ok": "ok", "changed": "ok"}


class AnsibleJsonReporter:
    """Tells a run in JSON; never raises for what a value is.

    Args:
        stream: for the JSON; warnings go to standard error, or to ``errors``.
        lines: a line for each thing that happens, not one document at the end.
        indent: spaces; 0 or less for all on one line.
        custom_stats: what ``set_stats`` gathered is told.
        deprecated: what will go away is warned of.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        lines: bool = False,
        indent: int = 4,
        custom_stats: bool = False,
        deprecated: bool = True,
        errors: TextIO | None = None,
    ) -> None:
        self._sink = StreamSink(stream, errors)
        self._warnings = WarningPrinter(self._sink, 0, deprecated=deprecated)
        self._lines = lines
        self._indent = indent if indent > 0 else None
        self._stats = CustomStats() if custom_stats else None
        self._numbers = itertools.count(1)
        self._run = ""
        self._plays: list[dict[str, Any]] = []
        self._together = True
        self._started: dict[int, TaskStarted] = {}
        self._of_all: dict[int, dict[str, Any]] = {}
        self._of_host: dict[tuple[int, str], dict[str, Any]] = {}

    def handle(self, event: Event) -> None:
        """Take note of an event, and tell it where lines are wanted."""
        match event:
            case PlayStarted():
                self._play(event)
            case TaskStarted():
                self._task(event)
            case HostStarted() if not self._together:
                self._host_started(event)
            case HostFinished():
                self._host(event)
            case Warned():
                self._warnings.event(event)
            case RunFinished():
                self._finish(event)
            case _:
                self._run = self._run or str(getattr(event, "run_id", ""))

    def close(self) -> None:
        """Flush the stream."""
        self._sink.flush()

    def _play(self, event: PlayStarted) -> None:
        self._together = event.strategy in _TOGETHER
        self._started.clear()
        self._of_all.clear()
        self._of_host.clear()
        made = {"play": self._entry(event.play, event.origin, event.time), "tasks": []}
        if self._lines:
            self._plays.clear()
        self._plays.append(made)
        self._line("v2_playbook_on_play_start", made, event.time)

    def _task(self, event: TaskStarted) -> None:
        self._started[event.task_id] = event
        if self._together:
            made = self._new_task(event, event.time)
            self._of_all[event.task_id] = made
            kind = "handler_task" if event.handler else "task"
            self._line(f"v2_playbook_on_{kind}_start", made, event.time)

    def _host_started(self, event: HostStarted) -> None:
        started = self._started.get(event.task_id)
        if started is not None:
            made = self._new_task(started, event.time)
            self._of_host[event.task_id, event.host] = made
            self._line("v2_runner_on_start", made, event.time)

    def _host(self, event: HostFinished) -> None:
        self._warnings.result(event.result, event.host)
        if self._stats is not None:
            self._stats.take(event.host, event.result)
        made = self._of_host.pop((event.task_id, event.host), None) or self._of_all.get(event.task_id)
        if made is None:
            return
        method = _METHODS.get(event.status, "failed")
        told = {key: value for key, value in event.result.items() if key not in _WHERE_TRUE or value}
        result = {**told, "action": self._started[event.task_id].action}
        if method in ("failed", "skipped"):
            result[method] = True
        end = _time(event.time)
        made["task"]["duration"]["end"] = self._plays[-1]["play"]["duration"]["end"] = end
        if self._lines:
            self._line(f"v2_runner_on_{method}", {**made, "hosts": {event.host: result}}, event.time)
        else:
            made["hosts"][event.host] = result

    def _finish(self, event: RunFinished) -> None:
        of_hosts, of_run = self._stats.gathered() if self._stats is not None else ({}, {})
        told: dict[str, Any] = {
            "custom_stats": of_hosts,
            "global_custom_stats": of_run,
            "stats": {name: _tally(event.hosts[name]) for name in sorted(event.hosts)},
        }
        if self._lines:
            self._line("v2_playbook_on_stats", told, event.time)
        else:
            self._sink.line(_encoded({**told, "plays": self._plays}, self._indent))
        self._sink.flush()

    def _new_task(self, of: TaskStarted, now: float) -> dict[str, Any]:
        made = {"task": self._entry(of.task, of.origin, now), "hosts": {}}
        if not self._lines and self._plays:
            self._plays[-1]["tasks"].append(made)
        return made

    def _entry(self, name: str, origin: str, now: float) -> dict[str, Any]:
        return {
            "name": name,
            "id": f"{self._run or 'run'}-{next(self._numbers)}",
            "path": task_path(origin),
            "duration": {"start": _time(now)},
        }

    def _line(self, name: str, told: Mapping[str, Any], now: float) -> None:
        if self._lines:
            self._sink.line(_encoded({**told, "_event": name, "_timestamp": _time(now)}, self._indent, (",", ":")))
            self._sink.flush()


def _encoded(told: Mapping[str, Any], indent: int | None, separators: tuple[str, str] | None = None) -> str:
    try:
        return json.dumps(told, default=plain, allow_nan=False, indent=indent, separators=separators, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(tame(told), indent=indent, separators=separators, sort_keys=True)


def _time(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None).isoformat()}Z"


def _tally(counts: HostTally) -> dict[str, int]:
    return {"failures" if name == "failed" else name: count for name, count in dataclasses.asdict(counts).items()}
