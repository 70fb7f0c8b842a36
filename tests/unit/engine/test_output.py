"""Pieces of bytes from a host as events: lines, characters and secrets are whole."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.engine.events import HostOutput, TransferProgress
from stella_ops.engine.output import Output, Turn, rate_for
from stella_ops.redaction import MASK, Redactor
from stella_ops.transport.base import ModuleCall

SECRET = "correct horse battery"


class Heard:
    """An ``Output`` and what it has told; time stands still."""

    def __init__(self, **more: Any) -> None:
        self.events: list[HostOutput] = []
        self.now = 50.0
        redactor = Redactor()
        redactor.add(SECRET)
        self.news = asyncio.Event()
        settings = {"host": "web1", "rate": 1000, **more}
        self.output = Output(self.tell, redactor, clock=lambda: self.now, **settings)

    def tell(self, event: HostOutput) -> None:
        self.events.append(event)
        self.news.set()

    def hear(self, data: bytes, stream: int = 1, skipped: int = 0, after: float = 1.0) -> list[str]:
        """A piece comes some seconds after the one before; what is told of it at once."""
        self.now += after
        before = len(self.events)
        self.output(stream, skipped, data)
        return [event.text for event in self.events[before:]]

    def all(self, stream: str = "stdout") -> str:
        return "".join(event.text for event in self.events if event.stream == stream)


async def test_lines_are_told_and_what_is_unfinished_waits() -> None:
    heard = Heard(item="a", delegate="db1")
    assert heard.hear(b"one\ntw") == ["one\n"]
    assert heard.hear(b"o\n", after=0.01) == [], "too soon"
    assert heard.hear(b"three\nfour", after=1) == ["two\nthree\n"]
    assert heard.hear(b"oops\n", stream=2) == ["oops\n"]
    heard.output.end()
    told = [(event.stream, event.text, event.item, event.delegate) for event in heard.events]
    assert told[-2:] == [("stderr", "oops\n", "a", "db1"), ("stdout", "four", "a", "db1")]


async def test_an_unfinished_line_is_told_after_a_moment() -> None:
    """A prompt or a row of dots has no newline."""
    heard = Heard()
    assert heard.hear(b"are you sure? ") == []
    heard.now += 1
    await heard.news.wait()
    assert heard.all() == "are you sure? "
    assert heard.hear(b"yes\nnext\n") == ["yes\nnext\n"]


async def test_what_is_told_too_soon_comes_with_the_next_or_a_moment_later() -> None:
    heard = Heard()
    heard.hear(b"one\n")
    assert heard.hear(b"two\n", after=0) == []
    heard.news.clear()
    await heard.news.wait()
    assert heard.all() == "one\ntwo\n"


async def test_a_line_without_end_is_told_in_pieces() -> None:
    heard = Heard()
    assert heard.hear(b"x" * 5000) == ["x" * 5000]


async def test_characters_that_are_split_stay_whole() -> None:
    heard = Heard()
    data = "grün € 🚀 done\n".encode()
    for at in range(len(data)):
        heard.hear(data[at : at + 1], after=0)
    heard.hear(b"not \xff utf-8\n")
    heard.hear(b"cut \xe2\x82")
    heard.output.end()
    assert heard.all() == "grün € 🚀 done\nnot � utf-8\ncut �"


@pytest.mark.parametrize("at", range(1, len(SECRET)))
async def test_a_secret_that_is_split_over_two_writes_is_masked(at: int) -> None:
    """However long the pause between its halves is."""
    heard = Heard()
    begin, end = f"the password is {SECRET[:at]}".encode(), f"{SECRET[at:]}, they say\n".encode()
    heard.hear(begin)
    heard.now += 10
    heard.news.clear()
    await heard.news.wait()
    assert heard.all() == "the password is "
    heard.hear(end, after=10)
    heard.output.end()
    assert heard.all() == f"the password is {MASK}, they say\n"


@given(cuts=st.lists(st.integers(0, 400), max_size=8), steps=st.lists(st.floats(0, 0.3), min_size=9, max_size=9))
def test_secrets_are_masked_wherever_they_are_split(cuts: list[int], steps: list[float]) -> None:
    whole = f"a line\n{SECRET}\nanother {SECRET} and é {SECRET}{SECRET}\n".encode() * 4

    async def run() -> str:
        heard = Heard(rate=1 << 20)
        places = sorted({0, len(whole), *(cut % len(whole) for cut in cuts)})
        for begin, end, step in zip(places, places[1:], steps, strict=False):
            heard.hear(whole[begin:end], after=step)
        heard.output.end()
        return heard.all()

    assert asyncio.run(run()) == whole.decode().replace(SECRET, MASK)


async def test_no_half_of_a_secret_stands_beside_a_gap() -> None:
    heard = Heard()
    heard.hear(f"before\nit is {SECRET[:9]}".encode())
    heard.hear(f"{SECRET[9:]}\nafter\n".encode(), skipped=1000)
    heard.output.end()
    assert heard.all() == "before\nafter\n"
    assert sum(event.skipped for event in heard.events) == 1000 + len(f"it is {SECRET[:9]}") + len(SECRET[9:] + "\n")


async def test_a_host_that_tells_more_than_it_may_is_not_listened_to() -> None:
    heard = Heard(rate=1000, total=1 << 20)
    line = b"x" * 999 + b"\n"
    for _ in range(5000):
        heard.hear(line, after=0.001)
    heard.output.end()
    told = len(heard.all())
    assert told <= (256 << 10) + 5 * 2 * 1000 + 2000
    assert told + sum(event.skipped for event in heard.events) == 5_000_000
    for _ in range(5000):
        heard.hear(line, after=10)
    assert len(heard.all()) <= 1 << 20


async def test_attempts_do_not_run_into_each_other() -> None:
    heard = Heard()
    heard.hear(b"half a li")
    heard.output.end()
    heard.hear(b"new\n")
    heard.output.end()
    heard.output.end()
    assert [event.text for event in heard.events] == ["half a li", "new\n"]


def output(text: str) -> HostOutput:
    return HostOutput(time=1, task_id=0, host="web1", stream="stdout", text=text)


def test_a_task_ahead_of_its_turn_is_told_of_when_that_has_come() -> None:
    told: list[Any] = []
    turn = Turn(told.append)
    turn.emit(output("early\n"))
    turn.emit(TransferProgress(time=1, task_id=0, host="web1", name="f", sent=1, total=2))
    assert told == []
    turn.begin(7)
    turn.emit(output("late\n"))
    assert [(type(event).__name__, event.task_id) for event in told] == [
        ("HostOutput", 7),
        ("TransferProgress", 7),
        ("HostOutput", 7),
    ]


def test_what_waits_for_a_turn_is_bounded() -> None:
    told: list[Any] = []
    turn = Turn(told.append)
    for number in range(1000):
        turn.emit(output(f"{number:09}\n"))
    turn.begin(1)
    assert len(told) == 64
    assert told[0].skipped == 10 * (1000 - 64)
    assert told[-1].text == "000000999\n"


def test_many_hosts_share_what_may_be_told() -> None:
    assert rate_for(0) == rate_for(1) == 65536
    assert rate_for(50) == 20971
    assert rate_for(5000) == 4096


# -- which tasks are asked

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - command: watched
    - shell: watched
    - ping:
    - command: hidden
      no_log: true
    - command: "{{ item }}"
      loop: [looped]
    - command: in the background
      async: 5
      poll: 0
"""


@pytest.mark.parametrize("watched", [True, False])
async def test_hosts_are_asked_where_somebody_watches_and_may(play: Any, watched: bool) -> None:
    asked: dict[str, bool] = {}

    def answer(_: str, call: ModuleCall) -> dict[str, Any]:
        asked[str(call.args.get("cmd") or call.module)] = call.live is not None
        if call.live is not None:
            call.live(1, 0, b"half a line")
        return {"changed": True, "rc": 0}

    played = await play(PLAY, hosts="a,", answer=answer, watched=watched)
    expected = {"watched": watched, "ping": False, "hidden": False, "looped": watched, "in the background": False}
    assert asked == expected
    told = [(event.text, event.item) for event in played.seen.of(HostOutput)]
    assert told == [("half a line", None), ("half a line", None), ("half a line", "looped")] * watched
