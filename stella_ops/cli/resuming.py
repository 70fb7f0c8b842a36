"""``play --resume``: finding the run to go on with, and what its command line was."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.cli.journalling import SHORT
from stella_ops.engine.journal import file_digest
from stella_ops.engine.journal_values import from_json
from stella_ops.engine.past import Past, read
from stella_ops.engine.positions import THROUGH
from stella_ops.engine.resuming import Changes, take_up
from stella_ops.errors import ResumeError, StoreError, UsageError

if TYPE_CHECKING:
    from stella_ops.engine.events import ResumedHost
    from stella_ops.playbook.model import Playbook
    from stella_ops.settings import Project
    from stella_ops.store.database import Store
    from stella_ops.store.journal_seal import Seal
    from stella_ops.store.runs import Run

# Options that are the resuming command's own business: how it shows things, and what asks or is done once.
_ITS_OWN = frozenset(
    {"check", "diff", "output", "live", "reports", "verbose", "detailed_exitcode", "one_line", "tree", "step"}
    | {"flush_cache"}
)
# Options that decide which tasks run: another answer in the middle of a run has no meaning.
_SETTLED = {"tags": "--tags", "skip_tags": "--skip-tags", "start_at_task": "--start-at-task"}


@dataclass(kw_only=True, eq=False, repr=False)
class Resuming:
    """A run that is gone on with.

    Attributes:
        run: as the store has it.
        past: what it did.
        playbooks: as they were named.
        changes: what the files are to it now; set by ``fit``.
        narrowed: some of its hosts are left for another time.
    """

    run: Run
    past: Past
    playbooks: tuple[str, ...]
    changes: Changes = field(default_factory=Changes)
    narrowed: bool = False

    def fit(self, books: Sequence[Playbook]) -> list[str]:
        """Fit the past to the playbooks as they are now; what the operator should know.

        Raises:
            ResumeError: a place that a host is to go on at is not found.
        """
        changed = [path for path, digest in self.past.files.items() if file_digest(path) != digest]
        self.changes = take_up(self.past, books)
        told = [f"changed since the run began: {', '.join(sorted(changed))}"] if changed else []
        return [*told, *self.changes.warnings]

    def hosts(self, plays: int) -> dict[str, ResumedHost]:
        """Where each host goes on; ``plays`` there are."""
        from stella_ops.engine.events import ResumedHost

        past, made = self.past, dict[str, Any]()
        last: dict[str, int] = {}
        for number in sorted(past.plays):
            last.update(dict.fromkeys(past.plays[number].hosts, number))
        over = max(past.plays, default=-1) == plays - 1
        for name, number in last.items():
            entries = past.hosts[name].entries if name in past.hosts else []
            done = sum(entry.path != THROUGH for entry in entries)
            failed = past.failed.get(name)
            if failed is not None:
                made[name] = ResumedHost(kept=done, at=self._title(failed), failed=True, again="again" in failed.body)
            elif over and entries and entries[-1].path == THROUGH and entries[-1].play == number:
                made[name] = ResumedHost(kept=done, done=True)
            else:
                after = next((entry for entry in reversed(entries) if entry.path != THROUGH), None)
                made[name] = ResumedHost(kept=done, at=None if after is None else self._title(after))
        return made

    @staticmethod
    def _title(kept: Any) -> str:
        return str(from_json(kept.body.get("t", "")))


def read_journal(store: Store, seal: Seal, run: Run) -> Past:
    """What a run did.

    Raises:
        ResumeError: it has no journal (any more), or one that this controller cannot read.
    """
    from stella_ops.store import journal

    with store.reading() as connection:
        portions = journal.portions(connection, run.id)
    if not portions:
        raise ResumeError(f"the run {run.id[:SHORT]} cannot be resumed: {_why(store, seal, run)}")
    if any(portion.key_id != seal.key_id for portion in portions):
        raise ResumeError(
            f"the journal of the run {run.id[:SHORT]} was sealed with another key",
            hint="resume it on the controller, and in the project, that it was started in",
        )
    return read(json.loads(line) for portion in portions for line in seal.open(portion.body).splitlines())


def _why(store: Store, seal: Seal, run: Run) -> str:
    """Why a run has no journal."""
    from stella_ops.store import journal

    if run.exit_code == 0:
        return "it ended well"
    with store.reading() as connection:
        later = journal.latest(connection)
    for other in later:
        try:
            if run.id in read_journal(store, seal, other).earlier:
                return f"it went on as the run {other.id[:SHORT]}, which can be"
        except ResumeError:
            continue
    return "it went on as another run, was not journalled, or its journal was too old to be kept"


def outlook(project: Project, store: Store, run: Run) -> list[str]:
    """How a run can be gone on with, in lines for an operator; none where it cannot."""
    from stella_ops.console.resumed import host_lines
    from stella_ops.store import journal
    from stella_ops.store.journal_lock import is_running
    from stella_ops.store.journal_seal import Seal

    with store.reading() as connection:
        if not journal.journalled(connection, [run.id]):
            return []
    try:
        past = read_journal(store, Seal.load(project.state_dir), run)
    except (ResumeError, StoreError) as problem:
        return [f"it cannot be resumed here: {problem.message}"]
    if is_running(project.state_dir, run.id):
        told = ["it goes on now:"]
    else:
        told = [f"go on with it: stella-ops play --resume {run.id[:SHORT]}"]
    plays = past.command.get("plays", 0)
    lines = host_lines(Resuming(run=run, past=past, playbooks=()).hosts(plays))
    return [*told, *(f"  {text}" for text, _ in lines)]


def find(project: Project, name: str, playbooks: Sequence[str]) -> Resuming:
    """The run to go on with.

    Args:
        name: the beginning of its id, or nothing for the last that can be resumed.
        playbooks: as they are named; with no ``name``, the run must be of these, where there are any.

    Raises:
        UsageError: there is no such run.
        ResumeError: it cannot be resumed.
    """
    from stella_ops.store import runs
    from stella_ops.store.database import Store
    from stella_ops.store.journal_lock import is_running
    from stella_ops.store.journal_seal import Seal

    if project.store.url is None:
        project.ensure_state_dir()
    store = Store.open(project.store_url)
    try:
        if name:
            with store.reading() as connection:
                found = runs.matching(connection, name)
            if not found:
                raise UsageError(f"there is no run '{name}'", hint="stella-ops runs list shows those there are")
            if len(found) > 1:
                raise UsageError(f"'{name}' begins the ids of several runs", hint="write more of it")
            run = found[0]
        else:
            run = _last(store, project, playbooks)
        if is_running(project.state_dir, run.id):
            raise ResumeError(f"the run {run.id[:SHORT]} still goes on", hint="wait for its end, or end it first")
        past = read_journal(store, Seal.load(project.state_dir), run)
    finally:
        store.close()
    started_in = past.command["folder"]
    if started_in != str(Path.cwd()):
        raise ResumeError(f"the run was started in {started_in}", hint=f"cd {started_in}")
    named = tuple(past.command["playbooks"])
    if playbooks and " ".join(playbooks) != run.title:
        raise UsageError(f"the run {run.id[:SHORT]} was of {run.title}, not of {' '.join(playbooks)}")
    return Resuming(run=run, past=past, playbooks=named)


def _last(store: Store, project: Project, playbooks: Sequence[str]) -> Run:
    from stella_ops.store import journal
    from stella_ops.store.journal_lock import is_running

    title = " ".join(playbooks)
    with store.reading() as connection:
        for run in journal.latest(connection):
            if (not playbooks or run.title == title) and not is_running(project.state_dir, run.id):
                return run
    of = f" of {title}" if playbooks else ""
    raise ResumeError(f"there is no run{of} to resume: all ended well, or were not journalled")


def choices_again(given: Mapping[str, Any], past: Past) -> dict[str, Any]:
    """The options of the run, where the command line that resumes it says nothing else.

    Raises:
        UsageError: it says what cannot change in the middle of a run.
    """
    made = dict(given)
    written: dict[str, Any] = from_json(past.command["choices"])
    for name, value in written.items():
        if name in _ITS_OWN or name not in made:
            continue
        if name == "extra_vars":
            made[name] = (*value, *made[name])
        elif not made[name]:
            made[name] = value
        elif name in _SETTLED and made[name] != value:
            raise UsageError(f"{_SETTLED[name]} cannot change in the middle of a run", hint="leave it out")
    return made


def hand_over(project: Project, resuming: Resuming, run_id: str) -> None:
    """Make the journal that of the new run, before that does anything.

    Raises:
        ResumeError: another command was faster.
    """
    from datetime import UTC

    from stella_ops.store import journal
    from stella_ops.store.database import Store

    old = resuming.run
    new = dataclasses.replace(
        old, id=run_id, started_at=datetime.fromtimestamp(time.time(), UTC), finished_at=None, exit_code=None
    )
    store = Store.open(project.store_url)
    try:
        with store.transaction() as connection:
            if not journal.hand_over(connection, old.id, new):
                raise ResumeError(f"the run {old.id[:SHORT]} is being resumed by another command already")
    except StoreError as problem:
        raise ResumeError(f"the run cannot be resumed: {problem.message}", hint=problem.hint) from None
    finally:
        store.close()
