"""How start-up is timed."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# The benchmarks are no part of the installed package; they stand beside it in the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.startup import NotStarted, Startup, _to_connection, _to_end, table
from benchmarks.tools.base import Command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="benchmarks need Linux")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.settimeout(30)
        yield opened


def test_medians_stand_against_what_was_asked() -> None:
    startups = [
        Startup(what="python -c pass", asked=None, walls=[0.02, 0.03, 0.01], cpus=[0.01, 0.01, 0.01]),
        Startup(what="quick", asked=0.15, walls=[0.1, 0.14, 9.0], cpus=[0.1, 0.1, 0.1]),
        Startup(what="slow", asked=0.4, walls=[0.2, 0.41, 0.5], cpus=[0.1, 0.2, 0.3]),
    ]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(startups).splitlines()[2:]]
    assert rows == [
        ["python -c pass", "0.020", "0.010 – 0.030", "", "0.010"],
        ["quick", "0.140", "0.100 – 9.000", "< 0.15", "0.100"],
        ["slow", "0.410", "0.200 – 0.500", "< 0.4 !", "0.200"],
    ]


def test_a_command_is_timed_until_it_connects_and_then_ended(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    code = (
        "import socket, time\n"
        "while time.process_time() < 0.2: pass\n"
        f"kept = socket.create_connection(('127.0.0.1', {port}))\n"
        "time.sleep(600)"
    )
    wall, cpu = _to_connection(Command([sys.executable, "-c", code], {}), listener)
    assert 0.2 <= cpu < 30
    assert 0.2 <= wall < 30


class NeverConnected:
    """A listener whose patience ends when the command has said its words."""

    def __init__(self, said: Path) -> None:
        self._said = said

    def accept(self) -> Any:
        self._said.read_text()  # a pipe: it ends with the command's writing
        raise TimeoutError


def test_what_never_connects_is_told_with_its_words(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "said")
    command = Command(
        ["/bin/sh", "-c", f"echo no such playbook; echo >{tmp_path / 'said'}; exec sleep 600"], {"PATH": os.defpath}
    )
    with pytest.raises(NotStarted, match="never connected: no such playbook"):
        _to_connection(command, NeverConnected(tmp_path / "said"))  # type: ignore[arg-type]


def test_a_command_that_fails_is_told() -> None:
    assert _to_end(Command(["/bin/true"], {}))[0] > 0
    with pytest.raises(NotStarted, match="exit status 3: broken"):
        _to_end(Command(["/bin/sh", "-c", "echo broken >&2; exit 3"], {}))
