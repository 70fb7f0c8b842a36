"""Who is told of a run: the console, reports in files, what the exit status hangs on."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stella_ops.ansible_settings.home import at_home
from stella_ops.cli.ansible_programs import called_as_ansible
from stella_ops.cli.callbacks import json_callback
from stella_ops.cli.workplace import Workplace
from stella_ops.console.choose import Output
from stella_ops.console.shown import Shown
from stella_ops.engine.events import Event, Reporter, RunFinished

if TYPE_CHECKING:
    from stella_ops.console.overview import PastRun
    from stella_ops.engine.events import RunStarted
    from stella_ops.playbook.model import Playbook
    from stella_ops.settings import Project


def console_reporter(workplace: Workplace, playbooks: Sequence[Playbook], *, kind: str) -> Reporter:
    """The reporter for what the operator watches."""
    from stella_ops.console.choose import choose_reporter
    from stella_ops.console.duration_line import Silent
    from stella_ops.console.palette import STYLES_OF, paint_with

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
    if colors := {name: color for name in STYLES_OF if (color := choose(name))}:
        paint_with(colors)
    if choices.output == "human" and style in ("null", "community.general.null"):
        return Silent()
    if choices.output == "human" and (choices.one_line or style == "oneline"):
        from stella_ops.console.oneline import OneLineReporter
        from stella_ops.console.stream import wants_color

        return OneLineReporter(sys.stdout, verbosity=choices.verbose, color=wants_color(sys.stdout, environ))
    as_json = json_callback(workplace.settings) if kind == "play" else None
    if choices.output == "human" and as_json is not None:
        from stella_ops.console.ansible_json import AnsibleJsonReporter

        return AnsibleJsonReporter(
            sys.stdout,
            lines=as_json == "jsonl",
            indent=choose("JSON_INDENT", default=0 if as_json == "jsonl" else 4),
            custom_stats=choose("SHOW_CUSTOM_STATS", default=False),
            deprecated=choose("DEPRECATION_WARNINGS", default=True),
        )
    shown = Shown(
        skipped=choose("DISPLAY_SKIPPED_HOSTS", default=True),
        ok=choose("DISPLAY_OK_HOSTS", default=True),
        failed_on_stderr=choose("DISPLAY_FAILED_STDERR", default=False),
        starts=choose("SHOW_PER_HOST_START", default=False),
        places=choose("SHOW_TASK_PATH_ON_FAILURE", default=False),
        check_markers=choose("CHECK_MODE_MARKERS", default=False) and choices.check,
        yaml=choose("CALLBACK_RESULT_FORMAT") == "yaml" or style in ("yaml", "community.general.yaml"),
        sections=style in ("debug", "ansible.posix.debug"),
        pretty=choose("CALLBACK_FORMAT_PRETTY"),
        ignored=called_as_ansible(),
        meta=called_as_ansible(),
        playbooks=tuple((book.path, len(book.plays)) for book in playbooks),
        recap_of_broken=not called_as_ansible(),
        custom_stats=choose("SHOW_CUSTOM_STATS", default=False),
        deprecated=choose("DEPRECATION_WARNINGS", default=True),
        diff_context=choose("DIFF_CONTEXT", default=3),
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
    enabled = {str(name).rpartition(".")[2] for name in choose("CALLBACKS_ENABLED", default=())}
    if "junit" in enabled and kind == "play":
        from stella_ops.console.reports import file_report

        folder = Path(os.environ.get("JUNIT_OUTPUT_DIR") or "~/.ansible.log").expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        found.append(file_report(f"junit={folder / f'{Path(title.split()[0]).stem}-{time.time()}.xml'}"))
    if "tree" in enabled and not choices.tree:
        from stella_ops.console.host_files import TreeFiles

        found.append(TreeFiles(choose("CALLBACK_TREE_DIR", default=Path(at_home("~/.ansible/tree")))))
    if choices.tree:
        from stella_ops.console.host_files import TreeFiles

        found.append(TreeFiles(Path(choices.tree).expanduser()))
    if kind == "play" and choose("RETRY_FILES_ENABLED"):
        from stella_ops.console.host_files import RetryFile

        playbook = Path(title.split(" ")[0]).absolute()
        folder = choose("RETRY_FILES_SAVE_PATH", default=playbook.parent)
        found.append(RetryFile(folder / f"{playbook.stem}.retry", sys.stdout))
    if log := choose("DEFAULT_LOG_PATH"):
        from stella_ops.console.lines import LineReporter
        from stella_ops.console.log_file import LogSink

        found.append(LineReporter(sys.stdout, verbosity=choices.verbose, sink=LogSink(log)))
    return found


def last_reporters(workplace: Workplace, kind: str) -> list[Reporter]:
    """Those that have the last word."""
    choices, settings = workplace.choices, workplace.settings
    enabled = [str(name).rpartition(".")[2] for name in settings.choose("CALLBACKS_ENABLED", default=())]
    found: list[Reporter] = []
    if kind != "play" or choices.output != "human" or json_callback(settings) is not None:
        return found
    for name in dict.fromkeys(enabled):
        if name == "timer":
            from stella_ops.console.duration_line import DurationLine

            found.append(DurationLine(sys.stdout))
        if name == "profile_tasks":
            from stella_ops.console.profile import TaskProfile, Wanted

            wanted = Wanted.of(os.environ, settings.sections.get("callback_profile_tasks", {}))
            found.append(TaskProfile(sys.stdout, wanted, places=choices.verbose > 1))
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
