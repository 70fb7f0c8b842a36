"""How long each task took: what the callback ``profile_tasks`` of ansible.posix prints.

A task's time is that from its start until the last host was done with it; tasks that run at the same time (strategies
free and pipelined) each have theirs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple, TextIO

from stella_ops.booleans import says_yes
from stella_ops.console.text import banner, safe_line
from stella_ops.engine.events import Event, HostFinished, RunFinished, RunStarted, TaskStarted

_WIDTH = 79
_NAMES = 70


class Wanted(NamedTuple):
    """What is to be shown.

    Attributes:
        limit: how many tasks, None for all.
        order: descending, ascending or none.
        summary_only: nothing below the headlines of tasks.
    """

    limit: int | None = 20
    order: str = "descending"
    summary_only: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str], section: Mapping[str, str]) -> Wanted:
        """What the environment says, else the section ``callback_profile_tasks`` of ``ansible.cfg``."""

        def said(name: str) -> str:
            return environ.get(f"PROFILE_TASKS_{name}") or section.get(name.lower()) or ""

        limit, order = said("TASK_OUTPUT_LIMIT"), said("SORT_ORDER")
        return cls(
            limit=None if limit == "all" else int(limit) if limit.isdecimal() else cls().limit,
            order=order if order in ("ascending", "none") else "descending",
            summary_only=says_yes(said("SUMMARY_ONLY")),
        )


class _Spent(NamedTuple):
    name: str
    origin: str
    begun: float
    seconds: float = 0.0


class TaskProfile:
    """Prints times below headlines, and the slowest tasks at the end; it stands behind another reporter."""

    def __init__(self, stream: TextIO, wanted: Wanted, *, places: bool = False) -> None:
        """Args: places: where each task stands, in the summary."""
        self._stream = stream
        self._wanted = wanted
        self._places = places
        self._begun = self._last = time.time()
        self._tasks: dict[int, _Spent] = {}

    def handle(self, event: Event) -> None:
        """Take note of an event, or print."""
        match event:
            case RunStarted():
                self._begun = self._last = event.time
            case TaskStarted():
                self._tasks[event.task_id] = _Spent(event.task, event.origin, event.time)
                if not self._wanted.summary_only:
                    self._now(event.time)
            case HostFinished() if event.task_id in self._tasks:
                task = self._tasks[event.task_id]
                self._tasks[event.task_id] = task._replace(seconds=max(task.seconds, event.time - task.begun))
            case RunFinished():
                self._summary(event.time)

    def close(self) -> None:
        """Nothing is held back."""

    def _now(self, at: float) -> None:
        day = time.strftime("%A %d %B %Y  %H:%M:%S %z", time.localtime(at))
        text = f"{day} ({_clock(at - self._last)})       {_clock(at - self._begun)} "
        self._last = at
        self._stream.write(f"{text:*<{_WIDTH}} \n")
        self._stream.flush()

    def _summary(self, at: float) -> None:
        self._stream.write(f"\n{banner('TASKS RECAP')}\n")
        self._now(at)
        self._stream.write("=" * _WIDTH + " \n")
        found = list(self._tasks.values())
        if self._wanted.order != "none":
            found.sort(key=lambda task: task.seconds, reverse=self._wanted.order == "descending")
        for task in found[: self._wanted.limit]:
            self._stream.write(f"{safe_line(task.name) + ' ':-<{_NAMES}}{f' {task.seconds:.02f}s':->9}\n")
            if self._places:
                self._stream.write(f"{safe_line(task.origin)} {'-' * 10}\n")
        self._stream.flush()


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(int(max(0.0, seconds) * 1000), 1000)
    minutes, of_minute = divmod(whole, 60)
    hours, of_hour = divmod(minutes, 60)
    return f"{hours}:{of_hour:02d}:{of_minute:02d}.{thousandths:03d}"
