"""What an interrupted run did, read from its journal: what need not be done again, and where each host goes on.

The records, in the order they were made, as ``journal.py`` makes them:

    run       the command that started it            play      a play begins: its title, hosts, tasks
    unit      what an include brought: its tasks     end       a task ended on a host, or for several
    through   hosts came to the end of a play        cleared   failures of hosts were taken back
    stopped   the play ended early for these hosts   answer    of the operator, to vars_prompt
    secret    a value that is not to be shown        files     digests of the files that were read
    resumed   another run went on from here          moved     the files changed, and tasks stand elsewhere
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stella_ops.engine.positions import THROUGH, Line

Key = tuple[int, str, int]  # play, position, how manieth time there


@dataclass(slots=True)
class Kept:
    """A task that ended on a host.

    Attributes:
        guarded: a rescue section was there to take a failure back.
        body: what became of it, see ``journal.body_of``; shared by hosts that share it.
    """

    play: int
    path: str
    n: int
    status: str
    guarded: bool
    handler: bool
    body: dict[str, Any]

    @property
    def key(self) -> Key:
        return self.play, self.path, self.n

    @property
    def gave_up(self) -> bool:
        """Whether it is a task of a rescue section that always fails: to begin with it again would be no use."""
        return bool(self.body.get("u")) and "/r/" in self.path

    @property
    def final(self) -> bool:
        """Whether the host was out of the play with it."""
        return self.status == "unreachable" or (self.status == "failed" and not self.guarded)


@dataclass(slots=True)
class HostPast:
    """One host.

    Attributes:
        entries: what it did, in order.
        safe: how many of them no failure of before can cut off any more.
        cut: how many of them stand, where the play ended for it without a failure of its own.
    """

    entries: list[Kept] = field(default_factory=list)
    safe: int = 0
    cut: int | None = None
    _places: dict[Key, int] = field(default_factory=dict)

    def take(self, kept: Kept) -> None:
        """Add an entry. One with the key of an earlier one takes back that and what came after."""
        known = self._places.get(kept.key)
        if known is not None:
            self.leave(self.entries[:known])
        self._places[kept.key] = len(self.entries)
        self.entries.append(kept)

    def leave(self, entries: list[Kept]) -> None:
        """Keep these alone."""
        self.entries = entries
        self.safe = min(self.safe, len(entries))
        self._places = {entry.key: index for index, entry in enumerate(entries)}

    def settle(self) -> Kept | None:
        """Leave what stands; the task that the host failed at, if it failed."""
        ends = [index for index in range(self.safe, len(self.entries)) if self.entries[index].final][:1]
        if self.cut is not None:
            ends.append(self.cut)
        self.cut = None
        if not ends:
            return None
        end = min(ends)
        failed = self.entries[end] if end < len(self.entries) and self.entries[end].final else None
        if failed is not None and failed.gave_up:
            end = self._block_of(failed, end)
            failed = dataclasses.replace(self.entries[end], body={**self.entries[end].body, "again": True})
        self.leave(self.entries[:end])
        return failed

    def _block_of(self, failed: Kept, end: int) -> int:
        """Where the block began whose rescue section put things back and then gave the host up."""
        block = failed.path.rpartition("/r/")[0]
        mine = [index for index in range(self.safe, end) if self.entries[index].path.startswith(f"{block}/")]
        # Of a block that was gone through several times, the last.
        last = {self.entries[index].path: self.entries[index].n for index in mine}
        return min((i for i in mine if self.entries[i].n == last[self.entries[i].path]), default=end)


@dataclass(slots=True)
class PlayPast:
    """A play that was begun: its title, its hosts in order, its outline."""

    title: str
    hosts: list[str]
    outline: list[Line]


@dataclass(slots=True)
class Past:
    """The whole of a journal.

    Attributes:
        command: how the run was started.
        failed: the tasks that hosts failed at and begin with.
        served: handlers that ran on hosts after they had failed.
        new: tasks of the files as they are now that were not there.
        earlier: the ids of the runs that this one went on with.
    """

    command: dict[str, Any] = field(default_factory=dict)
    plays: dict[int, PlayPast] = field(default_factory=dict)
    units: dict[tuple[int, str], list[Line]] = field(default_factory=dict)
    hosts: dict[str, HostPast] = field(default_factory=dict)
    answers: dict[tuple[int, str], Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    failed: dict[str, Kept] = field(default_factory=dict)
    served: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    new: set[tuple[int, str]] = field(default_factory=set)
    earlier: list[str] = field(default_factory=list)

    def title(self, play: int, path: str) -> str:
        """The title of a task as it was."""
        unit = path.rpartition("@")
        where = path[: path.index("/", len(unit[0]) + 1)] if unit[1] else None
        lines = self.units.get((play, where), []) if where else getattr(self.plays.get(play), "outline", [])
        return next((line.title for line in lines if line.path == path), "Gathering Facts")


def read(records: Iterable[list[Any]]) -> Past:
    """Put together what a journal's records say."""
    past = Past()
    for kind, *rest in records:
        _TAKE[kind](past, *rest)
    _settle(past)
    return past


def _settle(past: Past) -> None:
    for name, host in past.hosts.items():
        before = list(host.entries)
        failed = host.settle()
        if failed is not None:
            past.failed[name] = failed
        after = before[len(host.entries) :]
        served = {(each.play, each.path) for each in after if each.handler and each.status in ("ok", "changed")}
        if served:
            past.served.setdefault(name, set()).update(served)


def _host(past: Past, name: str) -> HostPast:
    known = past.hosts.get(name)
    if known is None:
        known = past.hosts[name] = HostPast()
    return known


def _run(past: Past, command: dict[str, Any]) -> None:
    past.command = command


def _play(past: Past, number: int, title: str, hosts: list[str], outline: list[list[Any]]) -> None:
    past.plays[number] = PlayPast(title, hosts, [Line(*line) for line in outline])


def _unit(past: Past, number: int, unit: str, outline: list[list[Any]]) -> None:
    past.units[number, unit] = [Line(*line) for line in outline]


def _end(
    past: Past, play: int, path: str, status: str, marks: str, shared: dict[str, int], body: dict[str, Any]
) -> None:
    for name, n in shared.items():
        past.failed.pop(name, None)
        if "n" in body:
            past.served.pop(name, None)  # notified anew
        _host(past, name).take(Kept(play, path, n, status, "g" in marks, "h" in marks, body))


def _through(past: Past, play: int, hosts: list[str]) -> None:
    for name in hosts:
        _host(past, name).take(Kept(play, THROUGH, 1, "ok", False, False, {}))


def _cleared(past: Past, hosts: list[str]) -> None:
    for name in hosts:
        host = _host(past, name)
        host.safe, host.cut = len(host.entries), None


def _stopped(past: Past, hosts: list[str]) -> None:
    for name in hosts:
        host = _host(past, name)
        if host.cut is None:
            host.cut = len(host.entries)


def _answer(past: Past, play: int, name: str, value: Any) -> None:
    past.answers[play, name] = value


def _resumed(past: Past, moves: list[list[Any]], earlier: str) -> None:
    """Another run went on from what stood then; its plays may have other numbers."""
    _settle(past)
    past.earlier.append(earlier)
    renumber(past, dict(moves))


def _moved(past: Past, play: int, moves: Mapping[str, str]) -> None:
    move(past, play, moves)


def renumber(past: Past, moves: Mapping[int, int]) -> None:
    """Give plays the numbers that they have in the files as they are now; what is not in ``moves`` is dropped."""
    if all(moves.get(number) == number for number in past.plays):
        return
    for host in past.hosts.values():
        kept = [entry for entry in host.entries if entry.play in moves]
        for entry in kept:
            entry.play = moves[entry.play]
        host.leave(kept)
    past.failed = {name: entry for name, entry in past.failed.items() if entry.play in moves}
    for entry in past.failed.values():
        entry.play = moves[entry.play]
    past.plays = {moves[n]: play for n, play in past.plays.items() if n in moves}
    past.units = {(moves[n], unit): lines for (n, unit), lines in past.units.items() if n in moves}
    past.answers = {(moves[n], name): value for (n, name), value in past.answers.items() if n in moves}
    past.served = {name: {(moves[n], path) for n, path in served if n in moves} for name, served in past.served.items()}


def move(past: Past, play: int, moves: Mapping[str, str]) -> None:
    """Give tasks of a play the positions that they have now, and what they included with them."""
    known = dict(moves)

    def now(number: int, path: str) -> str:
        return _now(path, known) if number == play else path

    for host in past.hosts.values():
        for entry in host.entries:
            entry.path = now(entry.play, entry.path)
        host.leave(host.entries)
    for entry in past.failed.values():
        entry.path = now(entry.play, entry.path)
    past.units = {(number, now(number, unit)): lines for (number, unit), lines in past.units.items()}
    past.served = {name: {(n, now(n, path)) for n, path in served} for name, served in past.served.items()}


def _now(path: str, known: dict[str, str]) -> str:
    """Where a task stands: with its own move, else with that of the include that brought it."""
    if path not in known:
        head, mark, tail = path.rpartition("@")
        known[path] = f"{_now(head, known)}@{tail}" if mark else path
    return known[path]


_TAKE: dict[str, Any] = {
    "run": _run,
    "play": _play,
    "unit": _unit,
    "end": _end,
    "through": _through,
    "cleared": _cleared,
    "stopped": _stopped,
    "answer": _answer,
    "secret": lambda past, text: past.secrets.append(text),
    "files": lambda past, digests: past.files.update(digests),
    "resumed": _resumed,
    "moved": _moved,
}
