"""Calls that are sent before those ahead of them are answered, or before the runner has said a word."""

import asyncio
import json
import re
from typing import Any

import pytest

from stella_ops.errors import ModuleCrashError, NotYet, TaskError, UnreachableError
from stella_ops.transport import frames
from stella_ops.transport.base import Become, Link, ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.content import SMALL
from stella_ops.transport.launch import Launch
from stella_ops.transport.runner_client import RunnerClient

HELLO = {"uid": 0, "user": "root", "home": "/root", "python": "3.9.2", "executable": "/usr/bin/python3", "time": 1.5}
GREETING = frames.MAGIC + frames.encode(frames.HELLO, 0, json.dumps(HELLO).encode())


class StagedWire:
    """Keeps what is written, piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        pass

    abort = close

    def frames(self) -> list[tuple[int, int, bytes]]:
        """All frames behind the program."""
        data = b"".join(self.pieces).partition(b"PROGRAM")[2]
        decoder = frames.FrameDecoder(range(16))
        return list(decoder.feed(data))

    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(data.partition(b"\n")[0]) for kind, _, data in self.frames() if kind == frames.TASK]


def client(code: CodeLibrary, prompt: bytes | None = None, greeted: bool = True) -> tuple[RunnerClient, StagedWire]:
    become = Become(password="pw") if prompt else None
    made = RunnerClient("web", Launch("command", b"PROGRAM", prompt and re.compile(re.escape(prompt))), become, code)
    wire = StagedWire()
    made.attach(wire)
    if greeted:
        made.data_received(GREETING)
    return made, wire


async def asking(runner: RunnerClient, link: Link | None = None, content: bytes | None = None) -> asyncio.Task[Any]:
    """A call that has been sent."""
    call = ModuleCall(module="echo", args={"value": 1}, link=link, content=content)
    task = asyncio.create_task(runner.call(call))
    await asyncio.sleep(0)
    return task


def answer(runner: RunnerClient, task_id: int, kind: int = frames.RESULT, text: bytes = b'{"value": 1}') -> None:
    runner.data_received(frames.encode(kind, task_id, text))


async def test_calls_before_the_greeting_go_out_at_once_and_are_answered(code: CodeLibrary) -> None:
    runner, wire = client(code, greeted=False)
    calls = [await asking(runner) for _ in range(3)]
    assert len(wire.requests()) == 3
    runner.data_received(GREETING)
    for task_id in (3, 1, 2):
        answer(runner, task_id)
    assert await asyncio.gather(*calls) == [{"value": 1}] * 3


async def test_calls_wait_for_sudos_question_and_go_out_with_the_program(code: CodeLibrary) -> None:
    runner, wire = client(code, b"[prompt] ", greeted=False)
    call = await asking(runner)
    assert wire.pieces == []
    runner.stderr_received(b"[prompt] ")
    other = await asking(runner)
    assert wire.pieces == [b"pw\n"]
    runner.data_received(frames.READY)
    assert len(wire.pieces) == 2
    assert wire.pieces[1].startswith(b"PROGRAM")
    assert len(wire.requests()) == 2
    runner.data_received(GREETING)
    answer(runner, 1)
    answer(runner, 2)
    assert await asyncio.gather(call, other) == [{"value": 1}] * 2


async def test_a_call_that_is_given_up_before_the_program_is_sent_is_cancelled_behind_it(code: CodeLibrary) -> None:
    runner, wire = client(code, b"[prompt] ", greeted=False)
    call = await asking(runner)
    call.cancel()
    await asyncio.sleep(0)
    runner.data_received(frames.READY)
    assert [(kind, task) for kind, task, _ in wire.frames() if kind != frames.CODE] == [
        (frames.TASK, 1),
        (frames.CANCEL, 1),
    ]


async def test_a_chain_names_the_call_before_it(code: CodeLibrary) -> None:
    runner, wire = client(code)
    first = Link()
    second = Link(first)
    third = Link(second)
    calls = [await asking(runner, link) for link in (first, second, third)]
    assert [request["after"] for request in wire.requests()] == [None, 1, 2]
    assert all(link.sent.is_set() and link.final for link in (first, second, third))
    for task_id in (1, 2, 3):
        answer(runner, task_id)
    assert await asyncio.gather(*calls) == [{"value": 1}] * 3


async def test_a_skipped_call_is_not_yet_decided(code: CodeLibrary) -> None:
    runner, _ = client(code)
    first = Link()
    calls = [await asking(runner, link) for link in (first, Link(first))]
    answer(runner, 1, frames.CRASH, b'{"reason": "died", "status": 1}')
    answer(runner, 2, frames.SKIPPED, b"{}")
    with pytest.raises(ModuleCrashError, match="exit status 1"):
        await calls[0]
    with pytest.raises(NotYet):
        await calls[1]


@pytest.mark.parametrize("link", [None, Link()], ids=["alone", "the first of a chain"])
async def test_a_host_cannot_skip_what_follows_nothing(code: CodeLibrary, link: Link | None) -> None:
    """``NotYet`` would go past everything that keeps one host's errors from the others."""
    runner, _ = client(code)
    call = await asking(runner, link)
    answer(runner, 1, frames.SKIPPED, b"{}")
    with pytest.raises(ModuleCrashError, match="skipped a task that follows no other"):
        await call
    assert runner.alive


async def test_a_link_does_not_follow_what_is_not_there(code: CodeLibrary) -> None:
    runner, wire = client(code)
    other, _ = client(code)
    unsent = Link()
    with pytest.raises(NotYet):
        await (await asking(runner, Link(unsent)))
    elsewhere = Link()
    elsewhere.mark_sent(other, 1, final=True)
    with pytest.raises(NotYet):
        await (await asking(runner, Link(elsewhere)))
    assert wire.requests() == []
    assert Link().follow(runner) is None
    here = Link()
    here.mark_sent(runner, 7, final=True)
    assert Link(here).follow(runner) == 7


async def test_a_link_does_not_follow_the_second_call_of_a_task(code: CodeLibrary) -> None:
    runner, wire = client(code)
    first = Link()
    call = await asking(runner, first, b"x" * (SMALL + 1))
    assert first.final
    answer(runner, 1, text=b'{"need_content": true}')
    async with asyncio.timeout(10):
        while len(wire.requests()) < 2:
            await asyncio.sleep(0)
    assert not first.final
    with pytest.raises(NotYet):
        await (await asking(runner, Link(first)))
    assert [request["after"] for request in wire.requests()] == [None, None]
    answer(runner, 2)
    assert await call == {"value": 1}


async def test_small_content_is_final(code: CodeLibrary) -> None:
    runner, wire = client(code)
    first = Link()
    await asking(runner, first, b"line\n" * 10)
    assert first.final
    head, _, content = next(data for kind, _, data in wire.frames() if kind == frames.TASK).partition(b"\n")
    assert (json.loads(head)["inline"], content) == (True, b"line\n" * 10)
    runner.close()


async def test_a_waiting_call_that_is_cancelled_is_cancelled_on_the_host(code: CodeLibrary) -> None:
    runner, wire = client(code)
    first = Link()
    second = Link(first)
    calls = [await asking(runner, link) for link in (first, second, Link(second))]
    calls[1].cancel()
    await asyncio.sleep(0)
    assert wire.frames()[-1][:2] == (frames.CANCEL, 2)
    answer(runner, 3, frames.SKIPPED, b"{}")
    answer(runner, 1)
    assert await calls[0] == {"value": 1}
    with pytest.raises(NotYet):
        await calls[2]


async def test_a_loss_is_told_to_the_whole_chain(code: CodeLibrary) -> None:
    runner, _ = client(code)
    first = Link()
    calls = [await asking(runner, link) for link in (first, Link(first))]
    runner.connection_lost("cut")
    for call in calls:
        with pytest.raises(UnreachableError, match="broke: cut"):
            await call


async def test_arguments_that_cannot_be_sent_do_not_lose_the_code(code: CodeLibrary) -> None:
    runner, wire = client(code)
    with pytest.raises(TaskError, match="serialize arguments"):
        await runner.call(ModuleCall(module="echo", args={"value": object()}))
    await asking(runner)
    assert [kind for kind, _, _ in wire.frames()].count(frames.CODE) == len(code.module("echo").libs) + 1
    runner.close()


async def test_only_our_own_modules_share_a_process(code: CodeLibrary) -> None:
    runner, wire = client(code)
    for module in ("echo", "ping"):
        task = asyncio.create_task(runner.call(ModuleCall(module=module, args={})))
        await asyncio.sleep(0)
        answer(runner, len(wire.requests()))
        await task
    assert [request["keep"] for request in wire.requests()] == [False, True]
