"""Bare commands: on this machine, and against staged pipes."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import BecomeError, TaskError, TaskTimeoutError
from stella_ops.transport import raw
from stella_ops.transport.base import Become
from stella_ops.transport.raw import RawExchange


class Chunks:
    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)

    async def read(self, n: int = -1) -> bytes:
        await asyncio.sleep(0)
        return self.chunks.pop(0) if self.chunks else b""


class Broken:
    async def read(self, n: int = -1) -> bytes:
        raise ConnectionResetError("cut")


class Writer:
    def __init__(self) -> None:
        self.data = b""
        self.ended = False

    def write(self, data: bytes) -> None:
        self.data += data

    def write_eof(self) -> None:
        self.ended = True


async def test_a_command_runs_through_the_shell(local: Callable[..., Any]) -> None:
    done = await local().raw("echo out; echo err >&2; cat; exit 3")
    assert (done.status, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


async def test_much_output_on_both_pipes(local: Callable[..., Any]) -> None:
    done = await local().raw("head -c 3000000 /dev/zero; head -c 2000000 /dev/zero >&2")
    assert (len(done.stdout), len(done.stderr)) == (3000000, 2000000)


async def test_a_timeout_kills_the_command(local: Callable[..., Any]) -> None:
    with pytest.raises(TaskTimeoutError, match=r"within 0\.3 seconds"):
        await local().raw("sleep 60", timeout=0.3)


def said_by(exchange: RawExchange) -> tuple[bytes, bytes]:
    """The question for the password, and the mark with which the command begins."""
    found = re.search(r"\[stella-ops become [0-9a-f]+\] ", exchange.command)
    begins = re.search(r"\[stella-ops begins [0-9a-f]+\]", exchange.command)
    return found.group().encode() if found else b"", begins.group().encode() if begins else b""


async def test_a_command_that_never_began_was_refused() -> None:
    for become, said, told in (
        (Become(), b"sudo: a password is required\n", "a password is required"),
        (Become(method="su", password="x"), b"Password: \nsu: Authentication failure\n", "Authentication failure"),
        (Become(method="su"), b"Password: ", "a password is required"),
        (Become(), b"", "sudo ended without a word"),
    ):
        exchange = RawExchange("id", become, name="web")
        await exchange.run(Writer(), Chunks(), Chunks(said))
        with pytest.raises(BecomeError, match=f"cannot become root: .*{told}"):
            exchange.result(1)


async def test_the_password_answers_sudos_question_only() -> None:
    exchange = RawExchange("cat", Become(password="pw"), name="web")
    assert "pw" not in exchange.command
    assert "exec </dev/null; cat" in exchange.command
    prompt, begins = said_by(exchange)
    stdin = Writer()
    await exchange.run(
        stdin, Chunks(b"out"), Chunks(b"lecture " + prompt[:9], prompt[9:], begins[:7], begins[7:] + b"warning", prompt)
    )
    assert (stdin.data, stdin.ended) == (b"pw\n", False)
    # What the command itself prints is no question any more.
    assert exchange.result(0).stderr == b"lecture warning" + prompt


async def test_without_a_question_there_is_no_answer() -> None:
    exchange = RawExchange("cat", Become(password="pw"), name="web")
    stdin = Writer()
    await exchange.run(stdin, Chunks(b"out"), Chunks(said_by(exchange)[1]))
    assert stdin.data == b""
    assert exchange.result(0).stdout == b"out"


async def test_a_second_question_is_a_wrong_password() -> None:
    exchange = RawExchange("cat", Become(password="pw"), name="web")
    prompt, _ = said_by(exchange)
    stdin = Writer()
    await exchange.run(stdin, Chunks(), Chunks(prompt, b"Sorry, try again.\n" + prompt))
    assert (stdin.data, stdin.ended) == (b"pw\n", True)
    with pytest.raises(BecomeError, match="the password is wrong"):
        exchange.result(1)


async def test_a_break_is_told_as_what_it_was() -> None:
    exchange = RawExchange("cat", None, name="web")
    with pytest.raises(ConnectionResetError):
        await exchange.run(Writer(), Broken(), Broken())


class Endless:
    async def read(self, n: int = -1) -> bytes:
        return b"x" * 4096


@pytest.mark.parametrize("streams", [(Endless, Chunks), (Chunks, Endless)])
async def test_output_without_end_does_not_fill_the_controller(
    streams: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "OUTPUT_LIMIT", 1 << 20)
    exchange = RawExchange("cat /dev/zero", None, name="evil")
    with pytest.raises(TaskError, match="more than 1 MiB"):
        await exchange.run(Writer(), streams[0](), streams[1]())


class Ear:
    rate, total = 1000, 10_000

    def __init__(self) -> None:
        self.heard: dict[int, bytes] = {1: b"", 2: b""}

    def __call__(self, stream: int, skipped: int, data: bytes) -> None:
        self.heard[stream] += data


async def test_what_a_command_prints_is_heard_without_the_question_and_the_password() -> None:
    for cut in (1, 9, 20):
        ear = Ear()
        exchange = RawExchange("cat", Become(password="pw"), name="web", live=ear)
        prompt, begins = said_by(exchange)
        chunks = (prompt[:cut], prompt[cut:], begins[:cut], begins[cut:] + b"warn", b"ing\n")
        await exchange.run(Writer(), Chunks(b"out", b"put\n"), Chunks(*chunks))
        assert ear.heard == {1: b"output\n", 2: b"warning\n"}
        assert exchange.result(0).stderr == b"warning\n"


async def test_what_a_command_prints_is_heard_while_it_runs(local: Callable[..., Any], tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    class Opens(Ear):
        def __call__(self, stream: int, skipped: int, data: bytes) -> None:
            super().__call__(stream, skipped, data)
            gate.touch()

    ear = Opens()
    done = await local().raw(f"echo begun; until [ -e {gate} ]; do sleep 0.01; done; echo wrong >&2", live=ear)
    assert (done.stdout, done.stderr) == (ear.heard[1], ear.heard[2]) == (b"begun\n", b"wrong\n")
