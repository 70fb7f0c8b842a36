from __future__ import annotations

import io
from typing import Any

import pytest

from stella_ops.console.fan_out import FanOut
from stella_ops.engine.events import Event, Warned


class Recorder:
    def __init__(self) -> None:
        self.got: list[Any] = []

    def handle(self, event: Event) -> None:
        self.got.append(event)

    def close(self) -> None:
        self.got.append("closed")


class Broken(Recorder):
    def handle(self, event: Event) -> None:
        super().handle(event)
        raise RuntimeError("disk \x1b full")

    def close(self) -> None:
        raise RuntimeError("again")


def test_a_broken_reporter_hurts_no_other_and_is_named_once() -> None:
    first, broken, last, errors = Recorder(), Broken(), Recorder(), io.StringIO()
    fan = FanOut([first, broken, last], errors=errors)
    events = [Warned(time=0, message=str(number)) for number in range(3)]
    for event in events:
        fan.handle(event)
    fan.close()
    assert first.got == last.got == [*events, "closed"]
    assert broken.got == events
    assert errors.getvalue().count("\n") == 1
    assert "Broken" in errors.getvalue()
    assert "RuntimeError: disk \\x1b full" in errors.getvalue()


def test_an_interrupt_is_no_defect_of_a_reporter() -> None:
    class Interrupted(Recorder):
        def handle(self, event: Event) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FanOut([Interrupted()]).handle(Warned(time=0, message="x"))
