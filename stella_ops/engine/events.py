"""The one typed stream that everything seen of a run comes from.

The engine emits these; console, JSON lines, store and metrics consume them through ``Reporter``. Events are
plain data and redacted before they are emitted: a result under ``no_log`` arrives here already censored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar, dataclass_transform

Kind = TypeVar("Kind")
Status = Literal["ok", "changed", "skipped", "failed", "ignored", "rescued", "unreachable"]


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _event(kind: type[Kind]) -> type[Kind]:
    """A dataclass without the methods that are compiled anew at every start: five of six.

    That an event does not change is mypy's business; nothing at run time forbids it.
    """
    return dataclass(slots=True, kw_only=True, eq=False, repr=False)(kind)


@_event
class Event:
    """Base of all events. ``time`` is seconds since the epoch."""

    time: float

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _values(other) == _values(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in _values(self).items())})"


@_event
class RunStarted(Event):
    """The first event.

    ``hosts_total`` counts the hosts of all plays; ``tasks_total`` their tasks, each for every host, as far as the
    playbooks tell: without handlers and what will be included; 0 where nothing tells, as in a run that goes on with
    another.
    """

    run_id: str
    kind: Literal["play", "run", "doctor"]
    title: str
    check: bool
    hosts_total: int
    tasks_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumedHost:
    """Where a host goes on.

    Attributes:
        kept: tasks that ended well and are not run again.
        at: the task that it failed at, or, unless it ``failed``, that it did last; None for none.
        again: it begins a block again with that task: a rescue section had put things back and given it up.
        done: it came to the end of the run, and is not touched.
    """

    kept: int
    at: str | None = None
    failed: bool = False
    again: bool = False
    done: bool = False


@_event
class Resumed(Event):
    """The run goes on with another one: ``run_id``, which ``started`` at that time (seconds since the epoch)."""

    run_id: str
    started: float
    hosts: dict[str, ResumedHost]


@_event
class PlayStarted(Event):
    """A play begins, or its next batch of hosts; each has so many ``tasks``, as in ``tasks_total``.

    ``origin`` is the play's place, ``strategy`` how its hosts go through it.
    """

    play: str
    hosts: Sequence[str]
    tasks: int = 0
    origin: str = ""
    strategy: str = "linear"


@_event
class NoHosts(Event):
    """A play that is skipped because ``--limit`` leaves none of its hosts."""

    play: str


@_event
class NoHostsLeft(Event):
    """A play that ends since too many of its hosts failed; ``reason`` is the keyword that says so."""

    play: str
    reason: str


@_event
class TaskStarted(Event):
    """``task_id`` is unique within the run; ``handler`` tells a running handler from a task.

    ``arguments`` are as they are written, where headlines are to show them.
    """

    task_id: int
    task: str
    action: str
    origin: str
    handler: bool
    hosts: Sequence[str]
    arguments: str = ""


@_event
class HostStarted(Event):
    """One host begins a task. Emitted for live displays."""

    task_id: int
    host: str


@_event
class ItemFinished(Event):
    """One item of a loop has ended on a host; the host's own result follows after the last."""

    task_id: int
    host: str
    status: Status
    item: Any
    result: dict[str, Any]
    delegate: str | None = None
    delegate_address: str | None = None


@_event
class RetryWaiting(Event):
    """An ``until`` condition is not met yet; ``left`` attempts remain."""

    task_id: int
    host: str
    task: str
    left: int
    delegate: str | None = None
    delegate_address: str | None = None


@_event
class TransferProgress(Event):
    """A file is on its way to a host for more than a moment: ``sent`` of ``total`` bytes are there."""

    task_id: int
    host: str
    name: str
    sent: int
    total: int


@_event
class HostOutput(Event):
    """What a running task's command has printed on a host: emitted where somebody watches, never under ``no_log``.

    ``text`` is a piece of ``stream``, "stdout" or "stderr". Where it does not end with a newline, the stream's next
    piece goes on in the same line. ``skipped`` bytes before it are left out, as they were too many; the line before is
    over then. ``item`` is that of the task's loop. What the module returns holds it all again.
    """

    task_id: int
    host: str
    stream: Literal["stdout", "stderr"]
    text: str
    skipped: int = 0
    item: Any = None
    delegate: str | None = None


@_event
class HostFinished(Event):
    """One host has ended a task.

    ``status`` "ignored" is a failure under ``ignore_errors``; ``result`` is what the module returned, censored
    under ``no_log``; ``hint`` says what an operator can do about a failure, ``where`` which place in a file of the
    operator's it comes from.
    """

    task_id: int
    task: str
    host: str
    status: Status
    result: dict[str, Any]
    duration: float
    looped: bool = False
    hint: str | None = None
    delegate: str | None = None
    delegate_address: str | None = None
    where: str | None = None


@_event
class Included(Event):
    """Hosts include a task file or role; ``item`` is that of the include's loop, where it is ``looped``."""

    what: str
    hosts: Sequence[str]
    item: Any = None
    looped: bool = False


@_event
class MetaDone(Event):
    """A meta task has been done for a host, or passed over there (``skipped``); ``told`` says what came of it.

    One that concerns all hosts at once is told for the first alone. It has no ``task_id`` and counts nowhere.
    ``alone``: the host goes through the play by itself. ``result`` is what is shown of one that is passed over.
    """

    task: str
    origin: str
    handler: bool
    host: str
    told: str
    skipped: bool = False
    alone: bool = False
    result: dict[str, Any] = field(default_factory=dict)


@_event
class Told(Event):
    """A line that a task has for people while it runs; no part of its result."""

    task_id: int
    host: str
    message: str


@_event
class JobPolled(Event):
    """What runs in the background, and is waited for, goes on; ``job`` is its name."""

    task_id: int
    host: str
    job: str


@_event
class HandlerNotified(Event):
    """A host's change will make a handler run."""

    host: str
    handler: str


@_event
class Warned(Event):
    """Something an operator should know that is no failure of a host.

    Attributes:
        error: it is a mistake.
        deprecated: it works, and will not one day.
    """

    message: str
    host: str | None = None
    where: str | None = None
    error: bool = False
    deprecated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTally:
    """The counts of one host for the recap, as ansible-core counts them."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


@_event
class PlaybookFinished(Event):
    """A playbook of several has ended, and not the last; ``hosts`` as in ``RunFinished``, counted so far."""

    playbook: str
    hosts: dict[str, HostTally] = field(default_factory=dict)


@_event
class RunFinished(Event):
    """``hosts`` maps every host that took part to its counts, in inventory order.

    ``broken`` says that an error of the playbook or the inventory ended the run, and not what became of its hosts.
    """

    run_id: str
    exit_code: int
    duration: float
    hosts: dict[str, HostTally] = field(default_factory=dict)
    interrupted: bool = False
    broken: bool = False


class Reporter(Protocol):
    """Watches a run. ``handle`` must return quickly and must not raise."""

    def handle(self, event: Event) -> None:
        """Take one event."""
        ...

    def close(self) -> None:
        """The run is over: flush what is held back."""
        ...


def to_json(event: Event) -> dict[str, Any]:
    """An event as plain JSON data, with its class under ``event``."""
    # Not dataclasses.asdict: it rebuilds containers by their class, which loses what source mappings hold.
    found = _values(event)
    if isinstance(event, RunFinished | PlaybookFinished | Resumed):
        found["hosts"] = {name: dataclasses.asdict(tally) for name, tally in event.hosts.items()}
    return {"event": type(event).__name__, **found}


def _values(event: Any) -> dict[str, Any]:
    return {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
