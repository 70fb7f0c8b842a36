"""A run as lines of text, in the form of ansible-core's default callback, which people's scripts read.

Compared with real ``ansible-playbook`` runs of ansible-core 2.19; ``tests/unit/console`` holds the texts.
Three things differ on purpose: a failure is followed by an indented ``hint:`` line where one is known; the source
that a failure comes from is shown on standard error, and no block of the failed task's; control characters never reach
the terminal, wherever they come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from stella_ops.console.custom_stats import CustomStats
from stella_ops.console.diffs import diff_lines
from stella_ops.console.problems import excerpt
from stella_ops.console.progress import transferred
from stella_ops.console.recap import recap_line
from stella_ops.console.results import (
    dump,
    dump_sections,
    is_loud,
    is_verbose,
    item_label,
    traceback_of,
    without_items,
)
from stella_ops.console.resumed import resumed_lines, resumed_recap, resumed_title
from stella_ops.console.shown import EVERYTHING, Shown
from stella_ops.console.stream import Sink, StreamSink
from stella_ops.console.task_errors import absolute, headline, is_of_include, task_path
from stella_ops.console.text import banner, safe_line
from stella_ops.console.warned import WarningPrinter
from stella_ops.engine.events import (
    Event,
    HandlerNotified,
    HostFinished,
    HostStarted,
    HostTally,
    Included,
    ItemFinished,
    JobPolled,
    MetaDone,
    NoHosts,
    NoHostsLeft,
    PlaybookFinished,
    PlayStarted,
    Resumed,
    RetryWaiting,
    RunFinished,
    RunStarted,
    TaskStarted,
    Told,
    TransferProgress,
    Warned,
)

_INCLUDES = frozenset({"include_tasks", "include_role"})

# Seconds between two lines about one file on its way to one host.
_TRANSFER_EVERY = 10.0


class LineReporter:
    """Prints a run to a stream, event by event.

    Args:
        stream: where the lines go.
        verbosity: the number of ``-v``: 1 shows results, 2 places, 3 everything.
        color: paint the lines.
        errors: where warnings go; standard error by default.
        sink: takes the lines in the stream's place.
        shown: what is left out.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        verbosity: int = 0,
        color: bool = False,
        errors: TextIO | None = None,
        sink: Sink | None = None,
        shown: Shown = EVERYTHING,
    ) -> None:
        self._sink = sink if sink is not None else StreamSink(stream, errors, color=color)
        self._verbosity = verbosity
        self._color = color
        self._warnings = WarningPrinter(self._sink, verbosity, deprecated=shown.deprecated)
        self._shown = shown
        self._stats = CustomStats() if shown.custom_stats else None
        self._mark = " [CHECK MODE]" if shown.check_markers else ""
        self._kind = "play"
        self._kept = ""
        self._play: str | None = None
        self._began = False
        self._books, self._between = shown.playbooks, False
        self._tasks: dict[int, TaskStarted] = {}
        self._current: int | None = None
        self._of_meta: tuple[str, str] | None = None
        # Tasks that have not ended on all their hosts: so many are left.
        self._left: dict[int, int] = {}
        self._told: set[str] = set()
        self._sources: set[tuple[int, str]] = set()
        self._looping: set[tuple[int, str]] = set()
        self._transfers: dict[tuple[int, str], float] = {}

    def handle(self, event: Event) -> None:
        """Print what an event shows, if it shows anything."""
        match event:
            case HostFinished():
                self._host(event)
            case ItemFinished():
                self._item(event)
            case TaskStarted():
                self._tasks[event.task_id] = event
                # Where hosts do not wait for each other, a line may come first that belongs to another task.
                if not self._left and self._shown.ok and self._shown.skipped:
                    self._headline(event)
                self._left[event.task_id] = len(event.hosts)
            case HostStarted() if self._shown.starts:
                self.under(event.task_id)
                task = self._tasks[event.task_id]
                kind = "HANDLER" if task.handler else "TASK"
                self._sink.line(f" [started {kind}: {safe_line(task.task)} on {safe_line(event.host)}]", "ok")
            case PlayStarted():
                if self._between:
                    self._playbook()
                self._began = True
                self._left.clear()
                self._play = event.play
                self._banner((f"PLAY [{safe_line(event.play)}]" if event.play else "PLAY") + self._mark)
            case NoHosts():
                if self._play != event.play:
                    self._banner(f"PLAY [{safe_line(event.play)}]")
                self._play = None
                self._sink.line("skipping: no hosts matched", "skipped")
            case NoHostsLeft():
                self._banner("NO MORE HOSTS LEFT")
            case RetryWaiting():
                self._retry(event)
            case TransferProgress():
                self._transfer(event)
            case Warned():
                self._warnings.event(event)
            case Included():
                self._included(event)
            case MetaDone():
                self._meta(event)
            case JobPolled() if self._shown.meta:
                self.under(event.task_id)
                told = f"ASYNC POLL on {safe_line(event.host)}: jid={safe_line(event.job)} started=True finished=False"
                self._sink.line(told, "retry")
            case Told():
                self.under(event.task_id)
                self._sink.line(safe_line(event.message))
            case HandlerNotified() if self._verbosity >= 2:
                self._sink.line(f"NOTIFIED HANDLER {safe_line(event.handler)} for {safe_line(event.host)}", "verbose")
            case RunStarted():
                self._kind = event.kind
                if self._shown.check_markers:
                    self._banner("DRY RUN")
                if event.kind == "play":
                    self._playbook(event.title)
            case Resumed():
                self._resumed(event)
            case PlaybookFinished():
                self._recap(event.hosts)
                self._books, self._between = self._books[1:], True
            case RunFinished():
                self._finish(event)
        self._sink.flush()

    def close(self) -> None:
        """Flush the stream."""
        self._sink.flush()

    def _banner(self, text: str) -> None:
        self._sink.line("")
        self._sink.line(banner(text))

    def _playbook(self, title: str = "") -> None:
        """The headline of a playbook."""
        self._between = False
        path, plays = self._books[0] if self._books else (title, 0)
        if self._verbosity >= 2 and path:
            self._banner(f"PLAYBOOK: {safe_line(path.rpartition('/')[2])}")
            if plays:
                self._sink.line(f"{plays} plays in {safe_line(path)}", "verbose")

    def _headline(self, task: TaskStarted) -> None:
        self._current, self._of_meta = task.task_id, None
        self._play = None
        self._banner(f"{'RUNNING HANDLER' if task.handler else 'TASK'} [{safe_line(self._titled(task))}]{self._mark}")
        if self._verbosity >= 2 and task.origin:
            self._sink.line(f"task path: {safe_line(task_path(task.origin))}", "verbose")

    def _meta(self, event: MetaDone) -> None:
        told = event.skipped and self._shown.meta and self._shown.skipped
        of = (event.task, event.origin)
        # Each host has a headline; but hosts that go by themselves have one over what they skip alone.
        early = not event.alone and self._shown.ok and self._shown.skipped
        if (self._shown.meta and early) or (told and self._of_meta != of):
            self._play, self._current = None, None
            self._of_meta = of if event.alone else None
            self._banner(f"{'RUNNING HANDLER' if event.handler else 'TASK'} [{safe_line(event.task)}]{self._mark}")
            if self._verbosity >= 2:
                self._sink.line(f"task path: {safe_line(task_path(event.origin))}", "verbose")
        if self._verbosity >= 2:
            self._sink.line(f"META: {safe_line(event.told)}", "verbose")
        if told:
            self._status(f"skipping: [{safe_line(event.host)}]", "skipped", event.result, "meta")

    def _job(self, event: HostFinished | ItemFinished, action: str) -> None:
        """Say of what ran in the background, and was waited for, that it is over."""
        job = event.result.get("ansible_job_id")
        if self._shown.meta and job and event.result.get("finished") and action != "async_status":
            judged = event.result.get("failed_when_result")  # which came afterwards
            bad = event.status in ("failed", "ignored") if judged is None else event.result.get("rc")
            word = "FAILED" if bad else "OK"
            self._sink.line(f"ASYNC {word} on {safe_line(event.host)}: jid={safe_line(str(job))}", "retry")

    def _titled(self, task: TaskStarted) -> str:
        name = task.task.strip()
        return f"{name} {task.arguments}" if task.arguments else name

    def under(self, task_id: int) -> str:
        """Say which task the next line is of, unless the line before is of the same; returns its action."""
        task = self._tasks.get(task_id)
        if task is None:
            return ""
        if self._current != task_id:
            self._headline(task)
        return task.action

    def _item(self, event: ItemFinished) -> None:
        if self._is_left_out(event.status):
            self._looping.add((event.task_id, event.host))
            return
        action = self.under(event.task_id)
        self._looping.add((event.task_id, event.host))
        self._warnings.result(event.result, event.host)
        self._job(event, action)
        name, label = _name(event), safe_line(item_label(event.item, event.result))
        if action in _INCLUDES and event.status in ("ok", "changed"):
            return  # what is included is told next
        match event.status:
            case "ok" | "changed":
                self._show_diff(event.result)
                self._status(f"{event.status}: [{name}] => (item={label})", event.status, event.result, action)
            case "skipped":
                # The blank before the line's end is ansible-core's.
                text = f"skipping: [{safe_line(event.host)}] => (item={label}) "
                self._status(text, "skipped", event.result, action)
            case _:
                self._show_diff(event.result)
                if event.status == "failed" or (event.status == "ignored" and self._shown.ignored):
                    self._error(event.task_id, event.result, action, None)
                self._traceback(event.result)
                text = f"failed: [{name}] (item={label}) => {self._dump_failure(event.result, action)}"
                self._fail(text, "failed")

    def _host(self, event: HostFinished) -> None:
        if self._stats is not None:
            self._stats.take(event.host, event.result)
        if self._is_left_out(event.status):
            self._ended(event.task_id)
            self._looping.discard((event.task_id, event.host))
            return
        action = self.under(event.task_id)
        result = without_items(event)
        self._ended(event.task_id)
        self._warnings.result(event.result, event.host)
        # Items were shown one by one; a loop without any (its list could not be made) shows as a plain task.
        self._transfers.pop((event.task_id, event.host), None)
        looped = event.looped and (event.task_id, event.host) in self._looping
        self._looping.discard((event.task_id, event.host))
        name = _name(event)
        if not looped:
            self._job(event, action)
        match event.status:
            case "ok" | "changed" if action in _INCLUDES:
                pass
            case "ok" | "changed":
                if not looped:
                    self._show_diff(result)
                    self._status(f"{event.status}: [{name}]", event.status, result, action)
            case "skipped":
                self._status(f"skipping: [{safe_line(event.host)}]", "skipped", result, action)
            case _:
                self._failure(event, name, action, looped)
        if self._verbosity >= 3:
            self._sink.line(f"<{safe_line(event.host)}> took {event.duration:.3f} s", "verbose")

    def _included(self, event: Included) -> None:
        hosts = ", ".join(map(safe_line, event.hosts))
        item = f" => (item={safe_line(item_label(event.item, {}))})" if event.looped and event.item else ""
        self._sink.line(f"included: {safe_line(event.what)} for {hosts}{item}", "included")

    def _ended(self, task_id: int) -> None:
        left = self._left.pop(task_id, 0) - 1
        if left > 0:
            self._left[task_id] = left

    def _failure(self, event: HostFinished, name: str, action: str, looped: bool) -> None:
        ignored = event.status == "ignored"
        told = not ignored or self._shown.ignored
        if event.status == "unreachable" or event.result.get("unreachable"):
            text = f"fatal: [{name}]: UNREACHABLE! => {self._dump(without_items(event), '')}"
            if told:
                self._error(event.task_id, event.result, action, None)
            self._fail(text, "unreachable")
        else:
            if not looped:
                self._show_diff(event.result)
                if told:
                    self._error(event.task_id, event.result, action, event.where)
            if event.where:
                self._source(event.task_id, event.where)
            self._traceback(event.result)
            if not looped and self._shown.places and self._verbosity < 2:
                task = self._tasks.get(event.task_id)
                self._sink.line(f"task path: {safe_line(task_path(task.origin if task else ''))}", "verbose")
            # Of debug's results the msg alone is left.
            if not looped or (action == "debug" and "censored" not in event.result):
                text = f"fatal: [{name}]: FAILED! => {self._dump_failure(without_items(event), action)}"
                self._fail(text, "failed")
        if ignored:
            self._sink.line("...ignoring", "skipped")
        if event.hint and (not ignored or self._verbosity):
            self._sink.line(f"  hint: {safe_line(event.hint)}", "hint")

    def _fail(self, text: str, style: str) -> None:
        if self._shown.failed_on_stderr:
            self._sink.warn(text)
        else:
            self._sink.line(text, style)

    def _is_left_out(self, status: str) -> bool:
        return (status == "skipped" and not self._shown.skipped) or (status == "ok" and not self._shown.ok)

    def _error(self, task_id: int, result: Mapping[str, Any], action: str, where: str | None) -> None:
        """Say why a task failed, and where it was written; once for all hosts that fail in the same way."""
        task = self._tasks.get(task_id)
        said = headline(result, action, where)
        if is_of_include(result):  # whose reason is told in the result, too
            if said not in self._told:
                self._told.add(said)
                self._sink.warn(said)
            return
        if task is not None and task.origin:
            said += f"\nOrigin: {safe_line(absolute(task.origin))}\n"
        if said in self._told:
            return
        self._told.add(said)
        self._fail(said, "failed")

    def _source(self, task_id: int, where: str) -> None:
        """Show once the source that a failure comes from; on standard error, as ansible-core does."""
        if (task_id, where) in self._sources:
            return
        self._sources.add((task_id, where))
        self._sink.warn("\n".join([safe_line(where), *excerpt(where, self._color)]))

    def _traceback(self, result: Mapping[str, Any]) -> None:
        found = traceback_of(result) if self._verbosity >= 3 else None
        if found is not None:
            self._sink.line(f"The full traceback is:\n{found}", "failed")

    def _dump(self, result: Mapping[str, Any], action: str, *, loud: bool = False) -> str:
        if self._shown.yaml:
            from stella_ops.console.yaml_results import dump_yaml

            return dump_yaml(result, action, self._verbosity)
        if self._shown.sections:
            return dump_sections(result, action, self._verbosity)
        return dump(result, action, self._verbosity, loud=loud, pretty=self._shown.pretty)

    def _dump_failure(self, result: Mapping[str, Any], action: str) -> str:
        return self._dump(result, action, loud=is_loud(result, action, failed=True))

    def _status(self, text: str, style: str, result: Mapping[str, Any], action: str) -> None:
        loud = style != "skipped" and is_loud(result, action)
        if is_verbose(result, action, self._verbosity) and (loud or self._verbosity):
            text += f" => {self._dump(result, action, loud=loud)}"
        self._sink.line(text, style)

    def _show_diff(self, result: Mapping[str, Any]) -> None:
        # It is in the result where it was asked for, by --diff or by the task's own keyword.
        if result.get("diff") and result.get("changed"):
            for line, style in diff_lines(result["diff"], self._shown.diff_context):
                self._sink.line(line, style)

    def _retry(self, event: RetryWaiting) -> None:
        self.under(event.task_id)
        who, what = _name(event), safe_line(event.task)
        self._sink.line(f"FAILED - RETRYING: [{who}]: {what} ({event.left} retries left).", "retry")

    def _transfer(self, event: TransferProgress) -> None:
        last = self._transfers.setdefault((event.task_id, event.host), event.time)
        if event.time - last < _TRANSFER_EVERY:
            return
        self._transfers[event.task_id, event.host] = event.time
        self.under(event.task_id)
        how_far = transferred(event.sent, event.total)
        self._sink.line(f"sending: [{safe_line(event.host)}] => {safe_line(event.name)}: {how_far}", "verbose")

    def _finish(self, event: RunFinished) -> None:
        told = self._shown.recap_of_broken or not event.broken
        if self._kind == "play" and told and (self._began or event.exit_code in (0, 2)):
            self._recap(event.hosts)
            self._custom_stats()
            if self._kept:
                self._sink.line(self._kept)
        if self._shown.check_markers:
            self._banner("DRY RUN")
        if event.interrupted:
            self._sink.warn("[WARNING]: interrupted: the run ended before all its tasks did")

    def _custom_stats(self) -> None:
        told = list(self._stats.lines(indented=self._shown.pretty is not False)) if self._stats is not None else []
        if told:
            self._banner("CUSTOM STATS:")
            for line in [*told, ""]:
                self._sink.line(line)

    def _resumed(self, event: Resumed) -> None:
        self._banner(resumed_title(event))
        for text, style in resumed_lines(event):
            self._sink.line(text, style)
        self._kept = resumed_recap(event)

    def _recap(self, hosts: Mapping[str, HostTally]) -> None:
        self._banner("PLAY RECAP")
        for host in sorted(hosts):
            self._sink.line(recap_line(host, hosts[host], color=self._color))
        self._sink.line("")


def _name(event: HostFinished | ItemFinished | RetryWaiting) -> str:
    """The host of a result, and whom its task was delegated to; with the address where that is another."""
    if not event.delegate or event.delegate == event.host:
        return safe_line(event.host)
    name, address = safe_line(event.delegate), event.delegate_address
    where = f"{name}({safe_line(address)})" if address and address != event.delegate else name
    return f"{safe_line(event.host)} -> {where}"
