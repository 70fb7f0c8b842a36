"""The terminal that doas is given, under every Python there is."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from stella_ops.transport.terminal import on_terminal

ASKS = 'printf "doas (me@here) password: " >/dev/tty; read -r given </dev/tty; [ "$given" = right ] || exit 3; exec cat'


def run(command: list[str], given: bytes, interpreter: str | None = None) -> tuple[int, bytes, bytes]:
    """Run a command that asks on its terminal, with all that it is to read there and on standard input."""
    named = None if interpreter is None else shlex.quote(interpreter)
    made, question = on_terminal(
        command, r"doas \([^\n]*\) password:", pythons=("python3",), named=named, otherwise="echo none; exit 127"
    )
    done = subprocess.run(made, input=given, capture_output=True, timeout=60, check=False, start_new_session=True)
    return done.returncode, done.stdout, question.sub(b"<asked>", done.stderr)


def test_the_line_goes_to_the_terminal_and_the_rest_to_the_command(interpreter: Path) -> None:
    data = bytes(range(256)) * 500
    status, out, err = run(["/bin/sh", "-c", ASKS], b"right\n" + data, str(interpreter))
    assert (status, out, err.strip()) == (0, data, b"<asked>")


@pytest.mark.parametrize(
    ("command", "given", "expected"),
    [
        (["/bin/sh", "-c", ASKS], b"wrong\n", (3, b"", b"<asked>")),
        (["/bin/sh", "-c", ASKS], b"", (1, b"", b"<asked>")),
        (["/bin/sh", "-c", "cat; exit 4"], b"all of it\n", (4, b"all of it\n", b"")),
        (["/bin/sh", "-c", "echo sorry >/dev/tty; exit 1"], b"", (1, b"", b"sorry")),
        (["/bin/sh", "-c", "kill -TERM $$"], b"", (143, b"", b"")),
        (["/no/such/doas"], b"", (127, b"", b"/no/such/doas: No such file or directory")),
    ],
)
def test_ends(command: list[str], given: bytes, expected: tuple[int, bytes, bytes]) -> None:
    status, out, err = run(command, given)
    assert (status, out, err.strip()) == expected


def test_a_python_that_does_not_work_is_passed_over() -> None:
    assert run(["/bin/echo", "x"], b"", "/no/such/python")[:2] == (0, b"x\n")
    made, _ = on_terminal(["/bin/echo"], "x", pythons=("no-such",), named=None, otherwise="echo none; exit 127")
    done = subprocess.run(made, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (127, b"none\n")
