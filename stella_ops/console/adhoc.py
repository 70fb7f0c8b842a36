"""One module on many hosts (``stella-ops run``), in the form of ansible-core's ``minimal`` callback.

One thing differs on purpose: where a command wrote to both streams, each part ends its line, instead of the
first word of stderr running on from the last of stdout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from stella_ops.console.diffs import diff_lines
from stella_ops.console.results import dump, is_command_output, traceback_of
from stella_ops.console.shown import EVERYTHING, Shown
from stella_ops.console.stream import Sink, StreamSink
from stella_ops.console.task_errors import absolute, headline, is_of_include
from stella_ops.console.text import safe_block, safe_line
from stella_ops.console.warned import WarningPrinter
from stella_ops.engine.events import (
    Event,
    HostFinished,
    NoHosts,
    RetryWaiting,
    RunFinished,
    TaskStarted,
    Told,
    Warned,
)

_WORDS = {"ok": "SUCCESS", "changed": "CHANGED", "skipped": "SKIPPED", "unreachable": "UNREACHABLE"}


class AdHocReporter:
    """Prints each host's result as it comes; the arguments are those of ``LineReporter``."""

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
        self._warnings = WarningPrinter(self._sink, verbosity, deprecated=shown.deprecated)
        self._actions: dict[int, str] = {}
        self._places: dict[int, str | None] = {}
        self._told: set[tuple[int, str]] = set()

    def handle(self, event: Event) -> None:
        """Print what an event shows, if it shows anything."""
        match event:
            case TaskStarted():
                self._actions[event.task_id] = event.action
                self._places[event.task_id] = event.origin
            case HostFinished():
                self._host(event)
            case RetryWaiting():
                self._retrying(event)
            case Told():
                self._sink.line(safe_line(event.message))
            case NoHosts():
                self._sink.warn("[WARNING]: No hosts matched, nothing to do")
            case Warned():
                self._warnings.event(event)
            case RunFinished() if event.interrupted:
                self._sink.warn("[WARNING]: interrupted: the run ended before all its hosts did")
        self._sink.flush()

    def close(self) -> None:
        """Flush the stream."""
        self._sink.flush()

    def _retrying(self, event: RetryWaiting) -> None:
        """Print that a host has not finished."""
        self._sink.line(f"{safe_line(event.host)} | RETRYING ({event.left} retries left)", "retry")

    def _error(self, event: HostFinished, action: str) -> None:
        """Say why a task failed, once for all hosts that fail in the same way."""
        said = headline(event.result, action, event.where)
        if (event.task_id, said) not in self._told:
            self._told.add((event.task_id, said))
            if is_of_include(event.result):
                self._sink.warn(said)
                return
            place = self._places.get(event.task_id) or ""
            told = f"\nOrigin: {safe_line(absolute(place))}" if ":" in place else ""
            self._sink.line(f"{said}{told}\n", "failed")

    def _host(self, event: HostFinished) -> None:
        """Print a host's result."""
        action = self._actions.get(event.task_id, "")
        result = event.result
        self._warnings.result(result, event.host)
        if result.get("diff") and result.get("changed"):
            for line, style in diff_lines(result["diff"]):
                self._sink.line(line, style)
        word = _WORDS.get(event.status, "FAILED")
        if event.status != "unreachable" and result.get("unreachable"):
            word = "UNREACHABLE"
        style = event.status if word in ("SUCCESS", "CHANGED", "SKIPPED", "UNREACHABLE") else "failed"
        name = safe_line(
            f"{event.host} -> {event.delegate}" if event.delegate not in (None, event.host) else event.host
        )
        bad = word in ("FAILED", "UNREACHABLE")
        if bad:
            found = traceback_of(result) if self._verbosity >= 3 else None
            if found is not None:
                self._sink.line(f"The full traceback is:\n{found}", "failed")
            self._error(event, action)
        if word == "SKIPPED":
            text = f"{name} | SKIPPED"
        elif word != "UNREACHABLE" and is_command_output(result, action, failed=bad):
            text = f"{name} | {word} | rc={safe_line(result.get('rc', -1))} >>\n{_output(result)}"
        else:
            shown = dump(result, action if word == "SUCCESS" else "", self._verbosity, loud=True)
            text = f"{name} | {word}{'!' if bad else ''} => {shown}"
        self._sink.line(text, style)
        if event.hint:
            self._sink.line(f"  hint: {safe_line(event.hint)}", "hint")


def _output(result: Mapping[str, Any]) -> str:
    """What a command wrote, and what the module says of it."""
    parts = [result.get("stdout"), result.get("stderr"), result.get("msg")]
    return "\n".join(safe_block(str(part)).rstrip("\n") for part in parts if part)
