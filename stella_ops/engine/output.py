"""What commands print while they run, made into events.

A host tells pieces of bytes (``transport.base.Listener``). They become text here, cut at the ends of lines where
there are any, and never within what is a secret or may become one: each event is scrubbed for itself. What a host
tells beyond its measure is left out.
"""

from __future__ import annotations

import asyncio
import codecs
import dataclasses
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from stella_ops.engine.events import Event, HostOutput, JobPolled, Told, TransferProgress
from stella_ops.redaction import Redactor

# Actions and modules whose commands are worth watching.
STREAMING = frozenset(("command", "raw", "script", "shell"))

# What all hosts at work may tell a second, and one of them at the least and at the most; bytes.
_RATE_OF_ALL = 1 << 20
_LEAST_RATE, _MOST_RATE = 4 << 10, 64 << 10
TOTAL = 32 << 20
# What may come at once after a silence. The host's own measure is a quarter of it (see remote/lib/live.py).
_BURST = 256 << 10

_JOIN_SECONDS = 0.1
# A line that is not finished is told after so many seconds, or when it is so long.
_UNFINISHED_SECONDS = 0.25
_LONG_LINE = 4096
# What is kept of a task that has begun before its turn, in events.
_HELD = 64

_STREAMS: dict[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}


def rate_for(hosts: int) -> int:
    """Bytes a second that each of so many hosts may tell."""
    return max(_LEAST_RATE, min(_MOST_RATE, _RATE_OF_ALL // max(1, hosts)))


class Turn:
    """A task on a host, which may have begun before its turn: what is told of it then waits, the last of it.

    Args:
        emit: takes the events.
        task_id: its number; None until its turn has come.
    """

    def __init__(self, emit: Callable[[Event], None], task_id: int | None = None) -> None:
        self._emit = emit
        self.task_id = task_id
        self._waiting: deque[HostOutput | JobPolled | Told | TransferProgress] = deque()

    def begin(self, task_id: int | None) -> None:
        """Its turn has come."""
        self.task_id = task_id
        while self._waiting and task_id is not None:
            self.emit(self._waiting.popleft())

    def emit(self, event: HostOutput | JobPolled | Told | TransferProgress) -> None:
        """Emit an event of the task, under its number, once that is known."""
        if self.task_id is not None:
            self._emit(dataclasses.replace(event, task_id=self.task_id))
            return
        if len(self._waiting) == _HELD:
            gone, after = self._waiting.popleft(), self._waiting[0]
            if isinstance(gone, HostOutput) and isinstance(after, HostOutput):
                skipped = after.skipped + gone.skipped + len(gone.text)
                self._waiting[0] = dataclasses.replace(after, skipped=skipped)
        self._waiting.append(event)


class Output:
    """What the command of one task on one host prints; a ``Listener``.

    Args:
        emit: takes the events.
        redactor: knows the secrets.
        rate, total: see ``Listener``.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        emit: Callable[[HostOutput], None],
        redactor: Redactor,
        *,
        host: str,
        rate: int,
        total: int = TOTAL,
        item: Any = None,
        delegate: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = rate
        self.total = total
        self.clock = clock
        self.redactor = redactor
        self._emit = emit
        self._host = host
        self._item = item
        self._delegate = delegate
        self._left = total
        self._tokens = float(_BURST)
        self._then = clock()
        self._streams: dict[int, _Stream] = {}

    def __call__(self, stream: int, skipped: int, data: bytes) -> None:
        """See ``Listener``."""
        known = self._streams.get(stream)
        if known is None:
            known = self._streams[stream] = _Stream(self, _STREAMS[stream])
        now = self.clock()
        self._tokens = min(_BURST, self._tokens + (now - self._then) * 2 * self.rate)
        self._then = now
        if len(data) > min(self._tokens, self._left):
            known.skip(skipped + len(data))
            return
        self._tokens -= len(data)
        self._left -= len(data)
        if skipped:
            known.skip(skipped)
        known.hear(data)

    def end(self) -> None:
        """The command has ended, or is no longer waited for: tell what is left. A next attempt may follow."""
        for stream in self._streams.values():
            stream.end()
        self._streams.clear()

    def tell(self, stream: Literal["stdout", "stderr"], text: str, skipped: int) -> None:
        """Emit an event; the text is scrubbed."""
        self._emit(
            HostOutput(
                time=time.time(),
                task_id=0,
                host=self._host,
                stream=stream,
                text=text,
                skipped=skipped,
                item=self._item,
                delegate=self._delegate,
            )
        )


class _Stream:
    """One of its two streams."""

    def __init__(self, output: Output, name: Literal["stdout", "stderr"]) -> None:
        self._output = output
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._skipped = 0
        # After a gap: whether all up to the next line is left out, as half a secret might stand there.
        self._torn = False
        self._told = output.clock() - 2 * _JOIN_SECONDS
        self._came = self._told
        self._timer: asyncio.TimerHandle | None = None

    def skip(self, count: int) -> None:
        """So many bytes are missing here."""
        self._tell(self._text.rfind("\n") + 1)
        self._skipped += count + len(self._text)
        self._text = ""
        self._decoder.reset()
        self._torn = True

    def hear(self, data: bytes) -> None:
        """More of it."""
        text = self._decoder.decode(data)
        if self._torn:
            gone, newline, text = text.partition("\n")
            self._skipped += len(gone) + len(newline)
            self._torn = not newline
        if not text:
            return
        self._text += text
        now = self._came = self._output.clock()
        if len(self._text) >= _LONG_LINE or now - self._told >= _JOIN_SECONDS:
            self._tell_lines()
        self._set_timer()

    def end(self) -> None:
        """There is no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._text += "" if self._torn else self._decoder.decode(b"", final=True)
        self._send(self._text)
        self._text = ""

    def _set_timer(self) -> None:
        if self._text and self._timer is None:
            wait = _JOIN_SECONDS if "\n" in self._text else _UNFINISHED_SECONDS
            self._timer = asyncio.get_running_loop().call_later(wait, self._due)

    def _due(self) -> None:
        self._timer = None
        if "\n" in self._text:
            self._tell_lines()
        elif self._output.clock() - self._came >= _UNFINISHED_SECONDS / 2:
            # What may be a secret's beginning waits for the rest of it, however long that takes.
            before = len(self._text)
            self._tell(before)
            if len(self._text) in (0, before):
                return
        self._set_timer()

    def _tell_lines(self) -> None:
        end = self._text.rfind("\n") + 1
        self._tell(len(self._text) if len(self._text) - end >= _LONG_LINE else end)

    def _tell(self, end: int) -> None:
        place = self._output.redactor.cut(self._text, end)
        if place > 0:
            text, self._text = self._text[:place], self._text[place:]
            self._told = self._output.clock()
            self._send(text)

    def _send(self, text: str) -> None:
        if text or self._skipped:
            skipped, self._skipped = self._skipped, 0
            self._output.tell(self._name, self._output.redactor.scrub(text), skipped)
