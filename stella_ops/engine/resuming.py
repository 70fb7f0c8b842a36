"""Whether, and from where, a run can go on with files that were edited since."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

from stella_ops.engine.alignment import Alignment, align
from stella_ops.engine.past import Kept, Past, move, renumber
from stella_ops.engine.positions import Line, of_play, outline
from stella_ops.errors import ResumeError
from stella_ops.playbook.model import Playbook

_TOLD = 10


@dataclass(slots=True)
class Changes:
    """How the files differ from what they were.

    Attributes:
        plays: the number that each play has now.
        tasks: by play, the position that its tasks have now, where they are not what they were.
        warnings: what an operator should know.
    """

    plays: dict[int, int] = field(default_factory=dict)
    tasks: dict[int, dict[str, str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def take_up(past: Past, playbooks: Sequence[Playbook]) -> Changes:
    """Fit a past to the files as they are now; what it says of positions is brought up to date.

    Raises:
        ResumeError: a task that a host is to go on at is not found, or a play that was begun.
    """
    made = Changes()
    plays = [play for book in playbooks for play in book.plays]
    made.plays = _plays(past, [play.title for play in plays])
    renumber(past, made.plays)
    for number, begun in sorted(past.plays.items()):
        new = outline(of_play(plays[number]))
        if begun.outline == new:
            continue
        alignment = _checked(past, number, begun.outline, new)
        made.warnings += _changed(past, number, begun.outline, alignment)
        moves = {old: now for old, now in alignment.moves.items() if old != now}
        made.tasks[number] = moves
        begun.outline = new
        _forget(past, number, alignment.gone)
        move(past, number, moves)
    return made


def _forget(past: Past, number: int, gone: set[str]) -> None:
    """Leave out tasks that are not in the files any more."""
    for host in past.hosts.values() if gone else ():
        host.leave([entry for entry in host.entries if entry.play != number or entry.path not in gone])


def align_unit(past: Past, number: int, old: Sequence[Line], new: Sequence[Line]) -> Alignment:
    """The same for what was included while the run went on.

    Raises:
        ResumeError: the task that a host is to go on at is not there.
    """
    return _checked(past, number, old, new)


def _plays(past: Past, titles: Sequence[str]) -> dict[int, int]:
    """The number that each play has now."""
    numbers = sorted(past.plays)
    written = [past.plays[number].title for number in numbers]
    if all(number < len(titles) and titles[number] == title for number, title in zip(numbers, written, strict=True)):
        return {number: number for number in numbers}
    found: dict[int, int] = {}
    for start, there, size in difflib.SequenceMatcher(None, written, titles, autojunk=False).get_matching_blocks():
        found.update((numbers[start + step], there + step) for step in range(size))
    for number, title in zip(numbers, written, strict=True):
        if number not in found and _is_needed(past, number):
            raise ResumeError(
                f"the play '{title}' is not in the playbook any more, and hosts are in the middle of it",
                hint="give it back its name, or run the playbook from its start",
            )
    return found


def _is_needed(past: Past, number: int) -> bool:
    return any(entry.play == number for host in past.hosts.values() for entry in host.entries) or any(
        entry.play == number for entry in past.failed.values()
    )


def _checked(past: Past, number: int, old: Sequence[Line], new: Sequence[Line]) -> Alignment:
    """Compare outlines, and refuse what cannot be found.

    Raises:
        ResumeError: see ``take_up``.
    """
    alignment = align(old, new)
    mine = {line.path: line for line in old}
    for host, entry, failed in _positions(past, number):
        line = mine.get(entry.path)
        if line is None or line.path in alignment.moves or not (failed or line.path in alignment.doubtful):
            continue
        if line.path in alignment.doubtful:
            raise ResumeError(
                f"the task '{line.title}' that {host} is to go on at has no name, and the play has several like it",
                hint="give the task back its place, or run the playbook from its start (perhaps --start-at-task)",
            )
        raise ResumeError(
            f"the task '{line.title}' that {host} is to go on at is not in the play any more",
            hint="give it back its name, or run the playbook from its start (perhaps with --start-at-task)",
        )
    there = set(alignment.moves.values())
    past.new.update((number, line.path) for line in new if line.path not in there)
    return alignment


def _positions(past: Past, number: int) -> list[tuple[str, Kept, bool]]:
    """The tasks that hosts failed at (True), or ended well last (False), in a play."""
    found = [(host, entry, True) for host, entry in past.failed.items() if entry.play == number]
    for name, host in past.hosts.items():
        if name not in past.failed and host.entries and host.entries[-1].play == number:
            found.append((name, host.entries[-1], False))
    return found


def _changed(past: Past, number: int, old: Sequence[Line], alignment: Alignment) -> list[str]:
    """Tasks that were done, and would do something else now."""
    done = {entry.path for host in past.hosts.values() for entry in host.entries if entry.play == number}
    found = [line.title for line in old if line.path in alignment.changed and line.path in done]
    gone = [line.title for line in old if line.path in done and line.path not in alignment.moves]
    told = [f"'{title}' has changed, and is not run again on the hosts that it went well on" for title in found[:_TOLD]]
    told += [f"'{title}' is not in the play any more; what it did stays done" for title in gone[:_TOLD]]
    return told
