"""Who is told of a run: the console, reports in files, what the exit status hangs on."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stella_ops.cli.workplace import Workplace
from stella_ops.console.choose import Output
from stella_ops.console.shown import Shown
from stella_ops.engine.events import Event, Reporter, RunFinished

if TYPE_CHECKING:
    from stella_ops.console.overview import PastRun
    from stella_ops.engine.events import RunStarted
    from stella_ops.settings import Project


def console_reporter(workplace: Workplace, *, kind: str) -> Reporter:
    """The reporter for what the operator watches."""
    from stella_ops.console.choose import choose_reporter

    choices, choose = workplace.choices, workplace.settings.choose
    environ = dict(os.environ)
    if choose("ANSIBLE_FORCE_COLOR"):
        environ["FORCE_COLOR"] = "1"
    if choose("ANSIBLE_NOCOLOR"):
        environ["NO_COLOR"] = "1"
    if choices.output == "junit":
        from stella_ops.console.reports import StreamReport, junit

        return StreamReport(sys.stdout, junit)
    style = str(choose("DEFAULT_STDOUT_CALLBACK", default="default")).removeprefix("ansible.builtin.")
    if choices.output == "human" and (choices.one_line or style == "oneline"):
        from stella_ops.console.oneline import OneLineReporter
        from stella_ops.console.stream import wants_color

        return OneLineReporter(sys.stdout, verbosity=choices.verbose, color=wants_color(sys.stdout, environ))
    shown = Shown(
        skipped=choose("DISPLAY_SKIPPED_HOSTS", default=True),
        ok=choose("DISPLAY_OK_HOSTS", default=True),
        failed_on_stderr=choose("DISPLAY_FAILED_STDERR", default=False),
        starts=choose("SHOW_PER_HOST_START", default=False),
        check_markers=choose("CHECK_MODE_MARKERS", default=False) and choices.check,
        yaml=choose("CALLBACK_RESULT_FORMAT") == "yaml",
    )
    output: Output = "json" if choices.output == "json" else "lines" if choices.step else "auto"
    return choose_reporter(
        "run" if kind == "run" or style == "minimal" else "play",
        sys.stdout,
        output=output,
        verbosity=choices.verbose,
        environ=environ,
        shown=shown,
        past=functools.partial(_past_run, workplace.project),
    )


def more_reporters(workplace: Workplace, kind: str, title: str) -> list[Reporter]:
    """Those that write files."""
    choices, choose = workplace.choices, workplace.settings.choose
    found: list[Reporter] = []
    if choices.reports:
        from stella_ops.console.reports import file_report

        found += [file_report(text) for text in choices.reports]
    if choices.tree:
        from stella_ops.console.host_files import TreeFiles

        found.append(TreeFiles(Path(choices.tree).expanduser()))
    if kind == "play" and choose("RETRY_FILES_ENABLED"):
        from stella_ops.console.host_files import RetryFile

        playbook = Path(title.split(" ")[0]).absolute()
        folder = choose("RETRY_FILES_SAVE_PATH", default=playbook.parent)
        found.append(RetryFile(folder / f"{playbook.stem}.retry", sys.stdout))
    if log := choose("LOG_PATH"):
        from stella_ops.console.lines import LineReporter
        from stella_ops.console.log_file import LogSink

        found.append(LineReporter(sys.stdout, verbosity=choices.verbose, sink=LogSink(log)))
    return found


class Changes:
    """Whether anything changed, for ``--detailed-exitcode``."""

    def __init__(self) -> None:
        self.any = False

    def handle(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            self.any = any(tally.changed for tally in event.hosts.values())

    def close(self) -> None:
        pass


def _past_run(project: Project, started: RunStarted) -> PastRun | None:
    from stella_ops.cli.past_run import past_run

    return past_run(project, started)
