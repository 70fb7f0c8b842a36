"""What came of a run, gathered event by event, for reports that are written at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stella_ops.engine.events import (
    Event,
    HostFinished,
    HostTally,
    PlayStarted,
    RunFinished,
    RunStarted,
    TaskStarted,
    Warned,
)


@dataclass(kw_only=True, slots=True)
class RanTask:
    """A task of a play, and its end on each host, in the order they came."""

    name: str
    action: str
    origin: str
    handler: bool
    started: float
    ends: list[HostFinished] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class RanPlay:
    """A play, or a batch of it."""

    name: str
    started: float
    tasks: list[RanTask] = field(default_factory=list)


class Record:
    """A run, play by play."""

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.finished: RunFinished | None = None
        self.plays: list[RanPlay] = []
        self.warnings: list[str] = []
        self._tasks: dict[int, RanTask] = {}

    def take(self, event: Event) -> None:
        """Take one event."""
        match event:
            case RunStarted():
                self.started = event
            case PlayStarted():
                self.plays.append(RanPlay(name=event.play, started=event.time))
            case TaskStarted():
                task = RanTask(
                    name=event.task,
                    action=event.action,
                    origin=event.origin,
                    handler=event.handler,
                    started=event.time,
                )
                self._tasks[event.task_id] = task
                if not self.plays:
                    self.plays.append(RanPlay(name="", started=event.time))
                self.plays[-1].tasks.append(task)
            case HostFinished():
                if event.task_id in self._tasks:
                    self._tasks[event.task_id].ends.append(event)
            case Warned():
                self.warnings.append(event.message)
            case RunFinished():
                self.finished = event

    @property
    def hosts(self) -> dict[str, HostTally]:
        """The recap."""
        return self.finished.hosts if self.finished else {}

    @property
    def duration(self) -> float:
        """Seconds that the run took."""
        return self.finished.duration if self.finished else 0.0


def plain_end(end: HostFinished) -> dict[str, Any]:
    """A task's end on a host as plain data."""
    found: dict[str, Any] = {"status": end.status, "duration": end.duration, "result": end.result}
    if end.hint:
        found["hint"] = end.hint
    if end.delegate:
        found["delegate"] = end.delegate
    return found
