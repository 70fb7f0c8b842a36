"""What is told of a long transfer, and when."""

from __future__ import annotations

from typing import Any

from stella_ops.engine.transfers import Transfers


def test_only_what_takes_long_is_told_and_not_too_often() -> None:
    now = 100.0
    events: list[Any] = []
    begin = Transfers(events.append, "web", str.upper, clock=lambda: now)("f")
    told = []
    for tenth in range(60):
        now = 100 + tenth / 10
        begin(tenth, 60)
        told.append(len(events))
    assert told[19] == 0
    assert (told[20], told[59]) == (1, 4)
    first = events[0]
    assert (first.task_id, first.host, first.name, first.sent, first.total) == (0, "web", "F", 20, 60)
    # Each transfer has a clock of its own.
    Transfers(events.append, "web", str, clock=lambda: now)("g")(1, 2)
    assert len(events) == 4
