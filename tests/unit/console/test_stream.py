from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap

import pytest

from stella_ops.console.stream import StreamSink, encodable, is_live_terminal, paint, wants_color


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (io.StringIO(), {"TERM": "xterm"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours(stream: io.StringIO, environ: dict[str, str], expected: bool) -> None:
    assert wants_color(stream, environ) is expected


def test_a_closed_or_dumb_terminal_is_not_drawn_on() -> None:
    closed = Terminal()
    assert is_live_terminal(closed, {"TERM": "xterm"})
    assert not is_live_terminal(closed, {"TERM": "dumb"})
    assert not is_live_terminal(closed, {})
    plain = io.StringIO()
    plain.close()
    assert not is_live_terminal(plain, {"TERM": "xterm"})


def test_each_line_has_its_own_colour() -> None:
    assert paint("a\nb", "ok") == "\x1b[0;32ma\x1b[0m\n\x1b[0;32mb\x1b[0m"
    assert paint("a", None) == "a"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_text_can_be_written_in_any_encoding(encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    sink = StreamSink(stream)
    sink.line("ünï 日本 \udc80")
    sink.flush()
    assert raw.getvalue().decode(encoding).endswith("\\udc80\n")
    assert encodable(stream, "plain") == "plain"


def test_a_reader_that_goes_away_silences_the_output_and_nothing_else() -> None:
    """A real pipe, closed by its reader: nothing on stderr, and the program's own exit code."""
    program = textwrap.dedent(
        """
        import sys
        from stella_ops.console.stream import StreamSink
        sink = StreamSink(sys.stdout)
        sys.stdin.readline()  # the reader is gone now
        for number in range(20000):
            sink.line(f"line {number}")
        sink.flush()
        assert sink.broken
        sys.exit(4)
        """
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    child.stdout.close()
    child.stdin.write(b"go\n")
    child.stdin.close()
    assert child.stderr.read() == b""
    assert child.wait(30) == 4
    child.stderr.close()


def test_a_closed_stream_is_no_error() -> None:
    stream = io.StringIO()
    stream.close()
    sink = StreamSink(stream, stream)
    sink.line("x")
    sink.warn("y")
    sink.flush()
    assert sink.broken
