"""One module on many hosts with a line a host (``run -o``), in the form of ansible-core's ``oneline`` callback."""

from __future__ import annotations

from typing import TextIO

from stella_ops.console.results import clean, to_text
from stella_ops.console.stream import StreamSink
from stella_ops.console.text import safe_line
from stella_ops.console.warned import WarningPrinter
from stella_ops.engine.events import Event, HostFinished, NoHosts, RunFinished, TaskStarted, Warned

_COMMANDS = frozenset(("command", "shell", "raw"))
_WORDS = {"ok": "SUCCESS", "changed": "CHANGED", "ignored": "FAILED", "failed": "FAILED"}


class OneLineReporter:
    """Prints each host's result on one line."""

    def __init__(
        self, stream: TextIO, *, verbosity: int = 0, color: bool = False, errors: TextIO | None = None
    ) -> None:
        self._sink = StreamSink(stream, errors, color=color)
        self._verbosity = verbosity
        self._warnings = WarningPrinter(self._sink, verbosity)
        self._actions: dict[int, str] = {}

    def handle(self, event: Event) -> None:
        """Print what an event shows, if it shows anything."""
        match event:
            case TaskStarted():
                self._actions[event.task_id] = event.action
            case HostFinished():
                self._host(event)
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

    def _host(self, event: HostFinished) -> None:
        action, result, name = self._actions.get(event.task_id, ""), event.result, safe_line(event.host)
        self._warnings.result(result, event.host)
        if event.status == "unreachable":
            self._sink.line(f"{name} | UNREACHABLE!: {safe_line(result.get('msg', ''))}", "unreachable")
            return
        if event.status == "skipped":
            self._sink.line(f"{name} | SKIPPED", "skipped")
            return
        word = _WORDS.get(event.status, "FAILED")
        failed = word == "FAILED"
        style = "failed" if failed else event.status
        if action in _COMMANDS and "rc" in result:
            text = f"{name} | {word} | rc={result['rc']} | (stdout) {_escaped(result.get('stdout'))}"
            if result.get("stderr"):
                text += f" (stderr) {_escaped(result['stderr'])}"
            self._sink.line(text, style)
            if not failed:
                return
        shown = to_text(clean(result, action, self._verbosity), indent=0).replace("\n", "")
        self._sink.line(f"{name} | {word}{'!' if failed else ''} => {shown}", style)


def _escaped(text: object) -> str:
    return safe_line(str(text or "").replace("\r", "\\r").replace("\n", "\\n"))
