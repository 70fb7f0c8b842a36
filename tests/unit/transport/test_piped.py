"""Commands whose input and output are carried, against staged pipes; test_remote_shell.py has a real host."""

import asyncio
import re
from typing import Any

from stella_ops.transport.base import Become
from stella_ops.transport.piped import PipedCommand


class Chunks:
    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)

    async def read(self, n: int = -1) -> bytes:
        await asyncio.sleep(0)
        return self.chunks.pop(0) if self.chunks else b""


class Near(Chunks):
    def __init__(self, *chunks: bytes) -> None:
        super().__init__(*chunks)
        self.heard = {1: b"", 2: b""}

    async def write(self, stream: int, data: bytes) -> None:
        self.heard[stream] += data


class Stdin:
    def __init__(self) -> None:
        self.data = b""
        self.ended = False

    def write(self, data: bytes) -> None:
        self.data += data

    async def drain(self) -> None:
        pass

    def write_eof(self) -> None:
        self.ended = True


def found(pattern: str, piped: PipedCommand) -> bytes:
    said = re.search(pattern, piped.command)
    assert said is not None
    return said.group().encode()


async def carried(piped: PipedCommand, near: Near, stdout: Any, stderr: Any) -> Stdin:
    stdin = Stdin()
    await piped.carry(near, stdin, stdout, stderr)
    return stdin


async def test_much_that_comes_at_once_with_the_mark_is_the_commands() -> None:
    piped = PipedCommand("cat", None, name="web")
    near, much = Near(), bytes(range(256)) * 1000
    mark = found(r"\[stella-ops begins [0-9a-f]+\]", piped)
    await carried(piped, near, Chunks(b"a start-up file talks" + mark + much, mark), Chunks(b"warning"))
    assert near.heard == {1: much + mark, 2: b"warning"}


async def test_a_password_is_answered_once_and_nothing_else_is_sent_before_the_command_begins() -> None:
    piped = PipedCommand("cat", Become(password="pw"), name="web")
    prompt = found(r"\[stella-ops become [0-9a-f]+\] ", piped)
    near = Near(b"input")
    stdin = await carried(piped, near, Chunks(), Chunks(b"lecture ", prompt[:9], prompt[9:], b"Sorry. " + prompt))
    assert (stdin.data, stdin.ended, piped.begun) == (b"pw\n", True, False)
    assert near.heard == {1: b"", 2: b"lecture Sorry. "}
