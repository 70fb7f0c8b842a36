"""Keeps a run's journal: what ``play --resume`` goes on from."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.cli.ansible_programs import called_as_ansible
from stella_ops.engine.events import Resumed, Warned
from stella_ops.engine.journal import Journal, encode
from stella_ops.inventory.patterns import without_files
from stella_ops.store.journal_writer import JournalWriter

if TYPE_CHECKING:
    from stella_ops.cli.resuming import Resuming
    from stella_ops.cli.workplace import Workplace
    from stella_ops.engine.events import Reporter
    from stella_ops.playbook.model import Playbook
    from stella_ops.store.run_reporter import RunRecorder


SHORT = 8  # characters of a run's id that are shown


class Journalling:
    """The journal of one run of ``play``, in and out.

    Args:
        recorder: writes it; None for a run that is not recorded, or changes nothing (``--check``).
        resuming: the run that is gone on with.

    Raises:
        ResumeError: another command resumes that run already.
    """

    def __init__(
        self,
        workplace: Workplace,
        run_id: str,
        playbooks: Sequence[Playbook],
        recorder: RunRecorder | None,
        resuming: Resuming | None,
    ) -> None:
        self._run_id = run_id
        self._resuming = resuming
        self._recorder = recorder
        self._plays = sum(len(book.plays) for book in playbooks)
        self._writer: JournalWriter | None = None
        if recorder is not None:
            kept = workplace.project.runs
            self._writer = JournalWriter(
                workplace.project.state_dir,
                encode,
                keep_for=kept.journal_age,
                keep_last=kept.journals,
                keeps=resuming is not None and resuming.narrowed,
            )
            recorder.journal_with(self._writer)
            if resuming is not None:
                from stella_ops.cli.resuming import hand_over

                self._writer.lock(run_id)
                hand_over(workplace.project, resuming, run_id)
                plays = [list(pair) for pair in resuming.changes.plays.items()]
                recorder.keep(("resumed", plays, resuming.run.id))
                for number, moves in resuming.changes.tasks.items():
                    recorder.keep(("moved", number, moves))
            else:
                recorder.keep(("run", command_of(workplace, playbooks)))
        for text in resuming.past.secrets if resuming is not None else ():
            workplace.redactor.add(text)
        self.journal = Journal(recorder, None if resuming is None else resuming.past)

    def tell(self, reporter: Reporter, warnings: Sequence[str]) -> None:
        """Say what is gone on with, and from where."""
        if self._resuming is None:
            return
        run = self._resuming.run
        hosts = self._resuming.hosts(self._plays)
        now = time.time()
        reporter.handle(Resumed(time=now, run_id=run.id, started=run.started_at.timestamp(), hosts=hosts))
        for text in warnings:
            reporter.handle(Warned(time=now, message=text))

    def hint(self) -> str | None:
        """How to go on after this run; None where there is nothing to go on with."""
        if self._writer is None or not self._writer.written or not self.journal.is_worth_resuming:
            return None
        if self._recorder is not None and self._recorder.problem is not None:
            return None  # what was done last is not in the journal: a run that goes on would do it again
        return f"hint: fix it, then go on with: stella-ops play --resume {self._run_id[:SHORT]}"

    def print_hint(self) -> None:
        """Print it, beside what scripts compare."""
        text = self.hint()
        if text is not None and not called_as_ansible():
            print(text, file=sys.stderr)


def command_of(workplace: Workplace, playbooks: Sequence[Playbook]) -> dict[str, Any]:
    """How a run was started, for its journal."""
    given = dict(workplace.given)
    if given.get("limit") is not None and "@" in given["limit"]:
        # The run itself may write that list anew, as a .retry file.
        given["limit"] = without_files(given["limit"], workplace.inventory.hosts)
    return {
        "playbooks": [book.path for book in playbooks],
        "plays": sum(len(book.plays) for book in playbooks),
        "folder": str(Path.cwd()),
        "choices": given,
    }
