"""Lines out of pieces, for standard error and for a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest

from stella_ops.console.output import OutputLines, Pieces, Tails, shown
from stella_ops.engine.events import HostOutput


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("plain", "plain"),
        ("\x1b[1;32mgreen\x1b[0m text", "green text"),
        ("\x1b]0;title\x07after", "after"),
        ("10 %\r20 %\r30 %", "30 %"),
        ("dos\r", "dos"),
        ("a\tb", "a       b"),
        ("bell\x07 \u202eback", "bell\\x07 \\u202eback"),
        ("\x1b[2J\x1b[Hwiped", "wiped"),
    ],
)
def test_a_line_is_fit_for_a_terminal(line: str, expected: str) -> None:
    assert shown(line) == expected


def test_lines_are_made_of_pieces() -> None:
    pieces = Pieces()
    assert list(pieces.take("one\ntw")) == ["one"]
    assert pieces.unfinished == "tw"
    assert list(pieces.take("o\n\nthree", 0)) == ["two", ""]
    assert list(pieces.take("four\n", 1234)) == ["three", "… 1,234 bytes are not shown", "four"]
    assert list(pieces.end()) == []
    list(pieces.take("x" * 100_000))
    assert len(pieces.unfinished) <= 4096


def out(host: str, text: str, **more: Any) -> HostOutput:
    return HostOutput(time=0, task_id=1, host=host, stream=more.pop("stream", "stdout"), text=text, **more)


def test_lines_name_their_host(story: Any) -> None:
    stream = io.StringIO()
    reporter = OutputLines(stream)
    story.run(2)
    story.play("Play", ["web1", "web2"])
    story.task("build", hosts=["web1", "web2"])
    for event in story.events:
        reporter.handle(event)
    reporter.handle(out("web1", "begun\nhalf "))
    reporter.handle(out("web2", "other\n", delegate="db1"))
    reporter.handle(out("web1", "oops\n", stream="stderr"))
    reporter.handle(out("web1", "a line\nand no end"))
    reporter.handle(story.host("web1", "changed"))
    reporter.handle(out("web2", "looped", item="a\nb"))
    reporter.close()
    assert stream.getvalue().splitlines() == [
        "web1 | begun",
        "web2 -> db1 | other",
        "web1 | oops",
        "web1 | half a line",
        "web1 | and no end",
    ]


def test_a_reader_that_went_away_is_no_trouble() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    reporter = OutputLines(Gone())
    reporter.handle(out("web1", "a\n"))
    reporter.handle(out("web1", "b\n"))
    reporter.close()


def test_hosts_share_the_rows_and_keep_their_places() -> None:
    tails = Tails()
    for number in range(20):
        tails.take(out("web1", f"line {number}\n"))
    tails.take(out("web1", "no end"))
    assert tails.shown(3, 80) == ["    web1 | line 18", "    web1 | line 19", "    web1 | no end"]
    tails.take(out("web2", "wide " * 30))
    assert tails.shown(4, 30) == [
        "    web1 | line 19",
        "    web1 | no end",
        "    web2 | wide wide wide wid…",
    ]
    tails.take(out("app", "x\n", item="i1"))
    tails.take(out("web1", " yet\n"))
    assert tails.shown(2, 80) == ["    web1 | no end yet", "    web2 | " + "wide " * 13 + "wid…"]
    tails.take(out("web2", "no end"))
    tails.next("web2")
    tails.next("nobody")
    tails.take(out("web2", "of it\n"))
    assert tails.shown(3, 80)[1] == "    web2     | of it"
    tails.take(out("web2", "wide " * 30))
    tails.end("web1")
    assert tails.shown(3, 80) == ["    web2     | " + "wide " * 12 + "wide…", "    app (i1) | x"]
    assert tails.shown(0, 80) == []
    for host in ("web1", "web2", "app"):
        tails.end(host)
    assert tails.shown(8, 80) == []
