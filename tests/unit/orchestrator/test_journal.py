import io
import json
import logging
import threading
from datetime import UTC, datetime

import pytest

from stella_ops.orchestrator.journal import STEPS, Journal, JournalHandler, without_secrets

TOKEN = "0123456789abcdef." + "s" * 43


def clock():
    return datetime(2025, 3, 4, 5, 6, 7, 8000, tzinfo=UTC)


@pytest.fixture
def written():
    stream = io.StringIO()
    return stream, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_for_each_event(written):
    stream, lines = written
    with Journal(stream, clock=clock) as journal:
        journal.event("request", status=200, path="/x", nothing=None)
        journal.step(5, agent_id="a1")
    assert lines() == [
        {"time": "2025-03-04T05:06:07.008Z", "level": "info", "event": "request", "status": 200, "path": "/x"},
        {"time": "2025-03-04T05:06:07.008Z", "level": "info", "event": "Issue cert", "step": 5, "agent_id": "a1"},
    ]


def test_the_steps_have_the_specifications_names():
    assert list(STEPS.values()) == [
        "Request token",
        "Return token",
        "Start agent with token",
        "Exchange token",
        "Issue cert",
        "Register",
        "Confirm",
    ]


@pytest.mark.parametrize("more", ["", "." + "p" * 43])
def test_tokens_and_keys_are_struck_out(written, more):
    stream, lines = written
    with Journal(stream, clock=clock) as journal:
        journal.event("request", path=f"/v1/tokens/{TOKEN}{more}/x", list=[TOKEN])
    assert "s" * 43 not in stream.getvalue()
    assert lines()[0]["path"] == "/v1/tokens/0123456789abcdef.***/x"


def test_lines_are_bounded_and_one_line_each(written):
    stream, lines = written
    with Journal(stream, clock=clock) as journal:
        journal.event("request", path="a\nb\x1b[0m" + "x" * 10_000)
    assert len(stream.getvalue().splitlines()) == 1
    assert len(lines()[0]["path"]) == 300
    assert "\x1b" not in stream.getvalue()
    assert without_secrets("x" * 299 + TOKEN)[:299] == "x" * 299


def test_nobody_waits_for_a_reader_that_does_not_read():
    class Stuck(io.StringIO):
        free = threading.Event()

        def write(self, text):
            self.free.wait(20)
            return super().write(text)

    stream = Stuck()
    with Journal(stream, clock=clock, most=5) as journal:
        for number in range(100):
            journal.event("request", number=number)
        stream.free.set()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    lost = [line["count"] for line in lines if line["event"] == "lines lost"]
    assert sum(lost) + sum(line["event"] == "request" for line in lines) == 100
    assert sum(lost) >= 90


def test_what_libraries_log_has_no_traceback(written):
    stream, lines = written
    with Journal(stream, clock=clock) as journal:
        logger = logging.Logger("library")
        logger.addHandler(JournalHandler(journal))
        try:
            raise ValueError(f"secret {TOKEN}")
        except ValueError:
            logger.exception("it failed with %s\nTraceback", TOKEN)
    assert lines()[0]["message"] == "it failed with 0123456789abcdef.***"
    assert lines()[0]["problem"] == "ValueError"
    assert "Traceback" not in stream.getvalue()
