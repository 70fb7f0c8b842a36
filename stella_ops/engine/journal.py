"""What a run writes down of itself, so that another one can go on from there; and going on.

A run that goes on takes the same way through the play as the first one did, from its first task. Where a task ended
well on a host, its outcome is taken from the journal in place of running it: what it registered, the facts, whom it
notified, what it included, whether a rescue section took over. So everything that hangs on outcomes is as it was, and
nothing else needs to be kept. A host goes on for real once what it did is used up. See docs/adr/0014.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stella_ops.actions.registry import action
from stella_ops.engine.journal_values import from_json, is_lost, to_json
from stella_ops.engine.outcome import Addition, Outcome
from stella_ops.engine.positions import FACTS, THROUGH, Placed, of_inclusion, of_play, outline, unit_of
from stella_ops.playbook.model import Handler, Play, Step, Task

if TYPE_CHECKING:
    from stella_ops.engine.past import Kept, Past

Record = tuple[Any, ...]
# What changes the inventory of the run, as well as the host.
INVENTORY_ACTIONS = frozenset({"add_host", "group_by"})


class Sink(Protocol):
    """Where records go."""

    def keep(self, record: Record) -> None:
        """Take one; returns at once and never raises."""


class Turn:
    """A task about to run: its position, and for each host how manieth time it is there."""

    __slots__ = ("path", "times")

    def __init__(self, path: str, times: dict[str, int]) -> None:
        self.path = path
        self.times = times


class Recalled:
    """What need not run.

    Attributes:
        outcomes: of hosts that did the task, as they were.
        passed: hosts that go on further down, and did not do this task.
        additions: what the task added to the inventory.
        lost: hosts with values in their outcomes that could not be kept.
    """

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.passed: list[str] = []
        self.additions: list[Any] = []
        self.lost: list[str] = []


class Journal:
    """The journal of one run.

    Args:
        sink: takes the records; None for a run that keeps none.
        past: of the run that this one goes on with.

    Attributes:
        is_worth_resuming: something ended well that need not be done again.
    """

    def __init__(self, sink: Sink | None = None, past: Past | None = None) -> None:
        self._sink = sink
        self._past = past
        self.is_worth_resuming = past is not None
        self._number = 0
        # With the task itself, so that no other can take its id.
        self._paths: dict[int, Placed] = {}
        self._units: set[str] = set()
        self._times: dict[str, dict[str, int]] = {}
        self._left: dict[str, dict[tuple[int, str, int], Kept]] = {}
        self._served: dict[str, set[tuple[int, str]]] = {}
        if past is not None:
            self._left = {name: {e.key: e for e in host.entries} for name, host in past.hosts.items() if host.entries}
            self._served = past.served

    # -- plays

    @property
    def resuming(self) -> bool:
        """Whether this run goes on with another one."""
        return self._past is not None

    def began(self, number: int) -> list[str] | None:
        """The hosts of a play, in order, when it was begun; None for one that was not."""
        begun = self._past.plays.get(number) if self._past is not None else None
        return None if begun is None else begun.hosts

    def took_part(self) -> set[str]:
        """The hosts of all plays that were begun."""
        return {host for play in self._past.plays.values() for host in play.hosts} if self._past is not None else set()

    def begin_play(self, number: int, play: Play, hosts: Sequence[str]) -> None:
        """A play begins."""
        self._number = number
        self._times.clear()
        self._units.clear()
        for host in [host for host, left in self._left.items() if any(key[0] < number for key in left)]:
            # The host takes no part any more in a play that it was in.
            left = {key: kept for key, kept in self._left.pop(host).items() if key[0] >= number}
            if left:
                self._left[host] = left
        if not self._is_on:
            return
        placed = of_play(play)
        self._paths = {id(task): (path, task) for path, task in placed}
        self._note("play", number, play.title, list(hosts), placed)

    def answer(self, number: int, name: str) -> tuple[bool, Any]:
        """What the operator said when asked for a variable, if that was."""
        if self._past is None or (number, name) not in self._past.answers:
            return False, None
        return True, from_json(self._past.answers[number, name])

    def answered(self, number: int, name: str, value: Any) -> None:
        """The operator was asked."""
        self._note("answer", number, name, value)

    def secret(self, text: object) -> None:
        """A value must not be shown."""
        self._note("secret", text)

    def read(self, files: Iterable[Path | str]) -> None:
        """Files of the playbook that were read."""
        self._note("files", [str(path) for path in files])

    def through(self, hosts: Sequence[str]) -> None:
        """Hosts came to the end of the play."""
        fresh = []
        for host in hosts:
            left = self._left.get(host)
            if left is None or left.pop((self._number, THROUGH, 1), None) is None:
                fresh.append(host)
            if left is not None and not left:
                del self._left[host]
        if fresh:
            self._note("through", self._number, fresh)

    def is_through(self, host: str) -> bool:
        """Whether a host had come to the end of this play."""
        return (self._number, THROUGH, 1) in self._left.get(host, {})

    def replays(self, host: str) -> bool:
        """Whether a host has not yet come to what it did not do."""
        return bool(self._left.get(host))

    def gathered(self, host: str) -> bool:
        """Whether facts were gathered on a host that has not yet come beyond that."""
        return (self._number, FACTS, 1) in self._left.get(host, ())

    def unfinished(self, hosts: Iterable[str]) -> list[str]:
        """Those of some hosts that did more in this play than was found again."""
        found = []
        for host in hosts:
            if any(number == self._number and path != THROUGH for number, path, _ in self._left.get(host, ())):
                found.append(host)
        return found

    def stopped(self, hosts: Sequence[str]) -> None:
        """The play is over for these hosts, whatever they did after it."""
        self._note("stopped", list(hosts))

    def cleared(self, hosts: Sequence[str]) -> None:
        """Failures of these hosts are no failures any more."""
        self._note("cleared", list(hosts))

    # -- tasks

    def place(self, path: str, task: Task) -> None:
        """Name a task that is not written in the play."""
        if self._is_on:
            self._paths[id(task)] = (path, task)

    def included(self, task: Task, what: Any, loop: Any, steps: Sequence[Step], handlers: list[list[Handler]]) -> None:
        """Something was included by a task, and read."""
        place = self._paths.get(id(task))
        if place is None or not self._is_on:
            return
        unit = unit_of(place[0], what, loop)
        placed = of_inclusion(unit, steps, handlers)
        if self._past is not None and unit not in self._units:
            self._align(self._past, unit, placed)
        self._paths.update((id(each), (path, each)) for path, each in placed)
        if unit not in self._units:
            self._units.add(unit)
            self._note("unit", self._number, unit, placed)

    def turn(self, task: Task, hosts: Sequence[str], *, again: bool = False) -> Turn | None:
        """A task's turn on some hosts; None for a task that is not journalled.

        Args:
            again: it is the same turn as the last time.
        """
        place = self._paths.get(id(task)) if self._is_on else None
        if place is None:
            return None
        path = place[0]
        times = self._times.setdefault(path, {})
        made: dict[str, int] = {}
        for host in hosts:
            made[host] = times[host] = times.get(host, 0) + (not again)
        return Turn(path, made)

    def recall(self, turn: Turn | None, hosts: Sequence[str], *, once: bool, handler: bool) -> Recalled | None:
        """What of a task was done before; None where nothing was.

        Args:
            once: ``run_once``: what one host did is done for all.
        """
        if self._past is None or turn is None or not (self._left or self._served):
            return None
        made = Recalled()
        for host in hosts:
            left = self._left.get(host)
            if not left:
                if handler and (self._number, turn.path) in self._served.get(host, ()):
                    made.passed.append(host)
                continue
            found = left.pop((self._number, turn.path, turn.times[host]), None)
            if not left:
                del self._left[host]
            if found is None:
                # Facts that were kept from a run before may be too old by now.
                if turn.path != FACTS or self.is_through(host):
                    made.passed.append(host)
                continue
            made.outcomes[host] = outcome_of(found)
            if is_lost(found.body):
                made.lost.append(host)
            made.additions += found.body.get("I", ())
        if once and made.outcomes:
            shared = next(iter(made.outcomes.values()))
            made.passed = []
            made.outcomes = dict.fromkeys(hosts, shared)
        return made if made.outcomes or made.passed else None

    def notified(self, host: str) -> None:
        """A host notified a handler anew: that one ran before after a failure counts no more."""
        self._served.pop(host, None)

    def ended(
        self,
        turn: Turn | None,
        task: Task,
        share: Sequence[str],
        outcome: Outcome,
        *,
        guarded: bool,
        handler: bool,
        additions: Sequence[Any] = (),
    ) -> None:
        """A task ended for some hosts.

        Args:
            share: the hosts whose outcome it is.
            additions: what it added to the inventory.
        """
        if self._sink is None or turn is None:
            return
        self.is_worth_resuming |= outcome.status != "failed" and task.action != "setup"
        marks = ("g" if guarded else "") + ("h" if handler else "")
        if task.action == "group_by":
            # Others may have been at it at the same time.
            additions = [each for each in additions if each[0] == "group" or each[1] in share]
        shared = {host: turn.times[host] for host in share if host in turn.times}
        self._note("end", self._number, turn.path, outcome.status, marks, shared, task, outcome, additions)

    def is_new(self, turn: Turn) -> bool:
        """Whether a task was not in the files when the run began."""
        return self._past is not None and (self._number, turn.path) in self._past.new

    def _align(self, past: Past, unit: str, placed: list[Placed]) -> None:
        """Find the tasks of what was included in what it is now.

        Raises:
            PlaybookError: the task that a host is to go on at is not there.
        """
        old, new = past.units.get((self._number, unit)), outline(placed)
        if old is None or old == new:
            return
        from stella_ops.engine.resuming import align_unit

        aligned = align_unit(past, self._number, old, new)
        moves = {before: now for before, now in aligned.moves.items() if before != now}
        past.units[self._number, unit] = new
        for host, left in list(self._left.items()):
            self._left[host] = {
                (n, moves.get(path, path) if n == self._number else path, times): kept
                for (n, path, times), kept in left.items()
                if n != self._number or path not in aligned.gone
            }
            if not self._left[host]:
                del self._left[host]
        self._note("moved", self._number, moves)

    # -- writing

    @property
    def _is_on(self) -> bool:
        return self._sink is not None or self._past is not None

    def _note(self, *record: Any) -> None:
        if self._sink is not None:
            self._sink.keep(record)


def encode(record: Record) -> list[Any]:
    """A record as JSON data. Done by the thread that writes it."""
    kind, *rest = record
    match kind:
        case "end":
            *head, task, outcome, additions = rest
            return [kind, *head, body_of(task, outcome, additions)]
        case "play" | "unit":
            *head, placed = rest
            return [kind, *head, [list(line) for line in outline(placed)]]
        case "files":
            return [kind, {path: digest for path in rest[0] if (digest := file_digest(path)) is not None}]
        case "secret":
            return [kind, str(rest[0])]
        case "answer":
            *head, value = rest
            return [kind, *head, to_json(value)]
        case "run":
            return [kind, to_json(rest[0])]
    # Names and numbers; a text that knows its place is a text to JSON.
    return [kind, *rest]


def file_digest(path: str) -> str | None:
    """The SHA-256 of a file; None where it cannot be read."""
    import hashlib

    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None


def body_of(task: Task, outcome: Outcome, additions: Sequence[Any]) -> dict[str, Any]:
    """What must be known of an outcome later."""
    result = outcome.result
    body: dict[str, Any] = {"t": task.name or task.action}
    if task.register or task.include is not None or outcome.status in ("failed", "unreachable"):
        body["r"] = to_json(result)
    elif result.get("changed"):
        body["r"] = {"changed": True}
    if outcome.looped:
        body["l"] = True
    if outcome.status == "failed" and getattr(action(task.action), "GIVES_UP", False):
        body["u"] = True
    if outcome.hint and outcome.status == "failed":
        body["h"] = outcome.hint
    if outcome.arguments is not None:
        body["A"] = to_json(outcome.arguments)
    if outcome.delegate is not None:
        body["d"] = outcome.delegate
    if outcome.notify:
        body["n"] = to_json(outcome.notify)
    if task.include is not None and outcome.labels:
        body["L"] = to_json(outcome.labels)
    if outcome.additions:
        body["a"] = [[kind, to_json(values), delegate] for kind, values, delegate in outcome.additions]
    if additions:
        body["I"] = to_json(additions)
    return body


def outcome_of(kept: Kept) -> Outcome:
    """The outcome that was kept."""
    body = kept.body
    result = from_json(body.get("r", {"changed": False}))
    additions: list[tuple[Addition, dict[str, Any], str | None]] = [
        (kind, from_json(values), delegate[0] if delegate else body.get("d"))
        for kind, values, *delegate in body.get("a", ())
    ]
    return Outcome(
        kept.status,  # type: ignore[arg-type]
        result,
        {},
        looped=body.get("l", False),
        notify=from_json(body.get("n", [])),
        additions=additions,
        hint=body.get("h"),
        delegate=body.get("d"),
        labels=from_json(body.get("L", [])),
        arguments=from_json(body["A"]) if "A" in body else None,
        recalled=True,
    )
