"""What a program prints, told in pieces: joined, bounded, and never at the program's cost."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import pytest

from stella_ops.remote.lib import live, process


class Pipe:
    """A pipe whose reading end takes pieces apart."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        self.held = b""

    def pieces(self) -> list[tuple[int, int, bytes]]:
        """All that is there: stream, bytes left out before, data."""
        while True:
            try:
                data = os.read(self.read_fd, 1 << 20)
            except BlockingIOError:
                break
            if not data:
                break
            self.held += data
        found = []
        while self.held:
            length, flags, stream, skipped = struct.unpack_from(">IBBQ", self.held)
            assert flags == live.OUTPUT
            found.append((stream, skipped, self.held[14 : 5 + length]))
            self.held = self.held[5 + length :]
        return found


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    for fd in (made.read_fd, made.write_fd):
        try:
            os.close(fd)
        except OSError:
            pass


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def teller(pipe: Pipe, rate: int = 1000, total: int = 1 << 20) -> tuple[live.Teller, Clock]:
    clock = Clock()
    return live.Teller(pipe.write_fd, rate, total, clock), clock


def test_the_first_words_go_at_once_and_the_next_in_company(pipe):
    told, clock = teller(pipe)
    told.take(1, b"one\n")
    assert pipe.pieces() == [(1, 0, b"one\n")]
    told.take(1, b"two\n")
    told.take(1, b"three\n")
    told.take(2, b"four\n")
    clock.now += live.JOIN_SECONDS / 2
    told.send()
    assert pipe.pieces() == []
    clock.now += live.JOIN_SECONDS
    told.send()
    told.finish()
    assert pipe.pieces() == [(1, 0, b"two\nthree\n"), (2, 0, b"four\n")]


def test_a_full_piece_does_not_wait_and_fits_what_a_pipe_takes_at_once(pipe):
    told, _ = teller(pipe)
    told.take(1, b"x")
    told.take(1, b"y" * 10_000)
    assert [len(data) for _, _, data in pipe.pieces()] == [1, live.PIECE, live.PIECE]
    assert live.PIECE + 14 <= 4096


def test_what_goes_beyond_the_rate_is_left_out_and_counted(pipe):
    told, clock = teller(pipe, rate=10_000)
    sent = 0
    pieces = []
    for number in range(1000):
        told.take(1, b"%09d\n" % number * 100)
        sent += 1000
        clock.now += 0.01
        pieces += pipe.pieces()
    told.finish()
    pieces += pipe.pieces()
    heard = sum(len(data) for _, _, data in pieces)
    assert heard + sum(skipped for _, skipped, _ in pieces) == sent
    assert heard <= live.BURST + 10 * 10_000 + live.PIECE
    assert pieces[-1][2].endswith(b"000000999\n"), "the last words are told"
    for _, skipped, data in pieces:
        assert not skipped or not data or data.index(b"\n") == 9, "what follows a gap begins with a line"


def test_there_is_an_end_to_it(pipe):
    told, clock = teller(pipe, rate=1 << 20, total=10_000)
    for _ in range(100):
        told.take(2, b"x" * 999 + b"\n")
        clock.now += 1
        told.send()
    told.finish()
    pieces = pipe.pieces()
    assert sum(len(data) for _, _, data in pieces) <= 10_000 + live.PIECE
    assert sum(len(data) + skipped for _, skipped, data in pieces) == 100_000


def test_a_runner_that_does_not_read_costs_a_program_neither_time_nor_memory(pipe):
    told, clock = teller(pipe, rate=1 << 30, total=1 << 30)
    for _ in range(300):
        told.take(1, b"x" * 9_999 + b"\n")
        clock.now += 1
    told.finish()
    assert told._size == 0
    pieces = pipe.pieces()
    assert len(pieces) >= 10
    assert sum(len(data) for _, _, data in pieces) < 80_000


def test_a_runner_that_is_gone(pipe):
    told, _ = teller(pipe)
    os.close(pipe.read_fd)
    told.take(1, b"x\n")
    told.take(1, b"y" * 100_000)
    told.finish()


@pytest.mark.parametrize("rate", [1, 1 << 30])
def test_the_outcome_is_the_same_byte_for_byte(pipe, rate):
    command = "head -c 300000 /dev/urandom | tee /dev/stderr; printf end; exit 7"
    outcome = process.run(command, shell=True, live=(pipe.write_fd, rate, 1 << 30))
    assert outcome.rc == 7
    assert outcome.stdout == outcome.stderr + b"end"
    assert len(outcome.stdout) == 300_003


def test_the_last_words_of_what_was_left_open_are_told(pipe):
    outcome = process.run("printf begin; sleep 60 & echo $!", shell=True, live=(pipe.write_fd, 1000, 1000))
    os.kill(int(outcome.stdout.removeprefix(b"begin")), 9)
    assert b"".join(data for _, _, data in pipe.pieces()) == outcome.stdout
