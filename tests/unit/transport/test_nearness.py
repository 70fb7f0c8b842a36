"""Where hosts are far away, bytes count, and they get source alone."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from typing import Any

import pytest

from stella_ops.remote.runner.loader import Code
from stella_ops.transport import frames, launch
from stella_ops.transport.bytecode import without_bytecode
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.nearness import NEAR_SECONDS, is_near, round_trip


class Connected:
    """A socket whose kernel says what the test wants."""

    def __init__(self, micros: int | None) -> None:
        self._told = b"" if micros is None else bytes(148) + struct.pack("=I", micros)

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        return self._told[:size]

    def get_extra_info(self, name: str) -> Any:
        return self if name == "socket" else None


@pytest.mark.parametrize(
    ("micros", "near"),
    [
        (60, True),
        (int(NEAR_SECONDS * 1e6), True),
        (int(NEAR_SECONDS * 1e6) + 1, False),
        (2**32 - 1, False),
        (None, False),
    ],
)
def test_what_the_kernel_says_decides(micros: int | None, near: bool) -> None:
    assert is_near(Connected(micros)) is near


def test_a_real_socket_of_this_machine_is_near() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as accepted,
    ):
        client.sendall(b"x")
        assert accepted.recv(1) == b"x"
        accepted.sendall(b"y")
        assert client.recv(1) == b"y"
        seconds = round_trip(client)
    assert seconds is not None and 0 <= seconds < 1


def test_without_a_socket_nothing_is_known() -> None:
    assert round_trip(None) is None
    left, right = socket.socketpair()
    with left, right:
        assert round_trip(left) is None


def test_code_without_bytecode_is_the_same_source() -> None:
    for unit in CodeLibrary().module("copy").libs:
        plain = without_bytecode(unit.packed)
        assert len(plain) < 0.6 * len(unit.packed)
        assert Code(plain).name == Code(unit.packed).name
        assert Code(plain).source() == Code(unit.packed).source()
        assert Code(plain).load().co_filename == Code(unit.packed).load().co_filename


def test_the_runner_starts_from_source_alone() -> None:
    started = launch.launch(sys.executable, None, name="far", bytecode=False)
    assert len(started.program) < 0.5 * len(launch.launch(sys.executable, None, name="near").program)
    done = subprocess.run(
        ["/bin/sh", "-c", started.command],
        input=started.program,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": "/"},
        timeout=60,
        check=False,
    )
    assert frames.MAGIC in done.stdout and not done.stderr
