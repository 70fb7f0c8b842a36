"""A run as JSON lines (``--output json``): one object an event, for programs."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, TextIO

from stella_ops.console.results import plain, tame
from stella_ops.console.stream import StreamSink
from stella_ops.engine.events import Event, to_json


class JsonLinesReporter:
    """Writes each event as one line of JSON, in ASCII, and flushes it; never raises for what a value is."""

    # All events, once commands are watched; programs that read them have to ask for that.
    shows_output = only_when_asked = True

    def __init__(self, stream: TextIO) -> None:
        self._sink = StreamSink(stream)

    def handle(self, event: Event) -> None:
        """Write one event."""
        self._sink.line(encode(event))
        self._sink.flush()

    def close(self) -> None:
        """Flush the stream."""
        self._sink.flush()


def encode(event: Event) -> str:
    """An event as one line of strict JSON: no NaN, escapes for all that is not ASCII."""
    data: dict[str, Any]
    try:
        data = to_json(event)
    except Exception:  # a value that cannot be copied; its text will do
        fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
        data = {"event": type(event).__name__, **fields}
    try:
        return json.dumps(data, default=plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(tame(data))
