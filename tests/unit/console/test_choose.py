from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest

from stella_ops.console.choose import choose_reporter
from stella_ops.console.shown import Shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("kind", "stream", "output", "term", "expected"),
    [
        ("play", Terminal(), "auto", "xterm", "LiveReporter"),
        ("run", Terminal(), "auto", "xterm", "LiveReporter"),
        ("play", Terminal(), "auto", "dumb", "LineReporter"),
        ("play", Terminal(), "lines", "xterm", "LineReporter"),
        ("play", io.StringIO(), "auto", "xterm", "LineReporter"),
        ("run", io.StringIO(), "auto", "xterm", "AdHocReporter"),
        ("play", Terminal(), "json", "xterm", "JsonLinesReporter"),
    ],
)
def test_choice(kind: Any, stream: io.StringIO, output: Any, term: str, expected: str) -> None:
    reporter = choose_reporter(kind, stream, output=output, environ={"TERM": term})
    assert type(reporter).__name__ == expected
    reporter.close()


def test_what_is_left_out_is_left_out_of_lines() -> None:
    """The live view shows what it shows; of which playbooks it tells is no choice of what is shown."""
    for shown, expected in (
        (Shown(playbooks=(("site.yml", 2),)), "LiveReporter"),
        (Shown(skipped=False), "LineReporter"),
        (Shown(places=True, playbooks=(("site.yml", 2),)), "LineReporter"),
    ):
        reporter = choose_reporter("play", Terminal(), shown=shown, environ={"TERM": "xterm"})
        assert type(reporter).__name__ == expected
        reporter.close()


def test_lines_do_without_rich() -> None:
    program = (
        "import io, sys\n"
        "from stella_ops.console.choose import choose_reporter\n"
        "import stella_ops.console.live, stella_ops.console.problems\n"
        "choose_reporter('play', io.StringIO())\n"
        "sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
