"""The server's log: one JSON object a line on standard error, written by a thread of its own.

No secret is in it: of a request there are method, path and who asked, no query, header or body; whatever has the form
of a token or key is struck out. When nobody reads standard error, lines are dropped and counted; nothing waits.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, TextIO

from stella_ops.store.columns import iso_z

# Bootstrap tokens and API keys: an id, a secret, perhaps a pin.
_SECRET = re.compile(r"([0-9a-f]{16})\.[A-Za-z0-9_-]{43}(\.[A-Za-z0-9_-]{43})?")
_LONGEST_TEXT = 300

# The specification's bootstrap flow, step by step.
STEPS = {
    1: "Request token",
    2: "Return token",
    3: "Start agent with token",
    4: "Exchange token",
    5: "Issue cert",
    6: "Register",
    7: "Confirm",
}


class Journal:
    """Writes lines.

    Args:
        stream: where to.
        clock: gives the time, aware.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], datetime], most: int = 10_000) -> None:
        self._stream = stream
        self._clock = clock
        self._lines: queue.Queue[str | None] = queue.Queue(most)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)

    def __enter__(self) -> Journal:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._lines.put(None, timeout=2)
        except queue.Full:
            return
        self._thread.join(timeout=2)

    def event(self, event: str, *, level: str = "info", **fields: Any) -> None:
        """Write one line; fields that are None are left out."""
        line = {"time": iso_z(self._clock(), timespec="milliseconds"), "level": level, "event": event}
        line.update((key, _plain(value)) for key, value in fields.items() if value is not None)
        try:
            self._lines.put_nowait(json.dumps(line, ensure_ascii=True))
        except queue.Full:
            self._dropped += 1

    def step(self, number: int, **fields: Any) -> None:
        """Write that a step of the bootstrap flow was taken."""
        self.event(STEPS[number], step=number, **fields)

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            if line is None:
                return
            try:
                if self._dropped:
                    dropped, self._dropped = self._dropped, 0
                    self._stream.write(json.dumps({"level": "warning", "event": "lines lost", "count": dropped}) + "\n")
                self._stream.write(line + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                continue


class JournalHandler(logging.Handler):
    """Hands what libraries log (uvicorn, asyncio) to the journal: the message, never a traceback."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        problem = record.exc_info[1] if record.exc_info else None
        self._journal.event(
            "library",
            level=record.levelname.lower(),
            logger=record.name,
            message=record.getMessage().partition("\n")[0],
            problem=type(problem).__name__ if problem else None,
        )


def without_secrets(text: str) -> str:
    """Text with everything that looks like a token or key struck out, and no longer than a line may be."""
    return _SECRET.sub(r"\1.***", text[: 4 * _LONGEST_TEXT])[:_LONGEST_TEXT]


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) else without_secrets(str(value))
