"""One module on many hosts with a line a host (``run -o``), in the form of ansible-core's ``oneline`` callback."""

from __future__ import annotations

from stella_ops.console.adhoc import AdHocReporter
from stella_ops.console.results import clean, is_command_output, is_loud, to_text
from stella_ops.console.text import safe_line
from stella_ops.engine.events import HostFinished, RetryWaiting

_EXCEPTION = "An exception occurred during task execution."
_WORDS = {"ok": "SUCCESS", "changed": "CHANGED", "ignored": "FAILED", "failed": "FAILED"}


class OneLineReporter(AdHocReporter):
    """Prints each host's result on one line, and nothing before it."""

    def _retrying(self, event: RetryWaiting) -> None:
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
        if is_command_output(result, action, failed=failed):
            text = f"{name} | {word} | rc={safe_line(result.get('rc', -1))} | (stdout) {_escaped(result.get('stdout'))}"
            if result.get("stderr"):
                text += f" (stderr) {_escaped(result['stderr'])}"
            self._sink.line(text, style)
            if not failed:
                return
        if failed and result.get("exception"):
            said = str(result["exception"]).strip()
            if self._verbosity < 3:
                last = said.rpartition("\n")[2]
                told = f"To see the full traceback, use -vvv. The error was: {safe_line(last)}"
            else:
                told = f"The full traceback is:\n{safe_line(said.replace(chr(10), ''))}"
            self._sink.line(f"{_EXCEPTION} {told}", style)
        indent = 4 if is_loud(result, action) and not event.looped and not failed else 0
        shown = to_text(clean(result, "", self._verbosity), indent=indent).replace("\n", "")
        self._sink.line(f"{name} | {word}{'!' if failed else ''} => {shown}", style)


def _escaped(text: object) -> str:
    return safe_line(str(text or "").replace("\r", "\\r").replace("\n", "\\n"))
