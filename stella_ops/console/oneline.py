"""One module on many hosts with a line a host (``run -o``), in the form of ansible-core's ``oneline`` callback."""

from __future__ import annotations

from stella_ops.console.adhoc import COMMANDS, AdHocReporter
from stella_ops.console.results import clean, to_text
from stella_ops.console.text import safe_line
from stella_ops.engine.events import HostFinished, ItemFinished, RetryWaiting

_WORDS = {"ok": "SUCCESS", "changed": "CHANGED", "ignored": "FAILED", "failed": "FAILED"}


class OneLineReporter(AdHocReporter):
    """Prints each host's result on one line, and nothing before it."""

    def _underway(self, event: ItemFinished | RetryWaiting) -> None:
        pass

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
        if action in COMMANDS and "rc" in result:
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
