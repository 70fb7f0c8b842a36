"""A host in other hands in the place of a runner: each of its lies ends in an error of that host alone."""

import asyncio
import json

import pytest

from stella_ops.errors import ModuleCrashError, StellaError, UnreachableError
from stella_ops.transport import frames
from stella_ops.transport.base import ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.launch import launch
from stella_ops.transport.runner_client import RunnerClient

HELLO = {"python": "3.11.2", "executable": "/usr/bin/python3", "uid": 0, "user": "root", "home": "/root", "time": 1.5}


class Wire:
    """Keeps what the controller writes."""

    def __init__(self):
        self.sent = bytearray()

    def write(self, data):
        self.sent += data

    async def drain(self):
        pass

    def close(self):
        pass

    def abort(self):
        pass


def greeting(payload):
    return frames.MAGIC + frames.encode(frames.HELLO, 0, payload)


async def connected():
    client = RunnerClient("evil", launch(None, None, name="evil"), None, CodeLibrary())
    client.attach(Wire())
    client.data_received(greeting(json.dumps(HELLO).encode()))
    await client.ready()
    return client


@pytest.mark.parametrize(
    "payload",
    [b"[]", b"{}", b"null", b"{", b"[" * 100_000, json.dumps({**HELLO, "executable": {"a": 1}}).encode()],
)
async def test_a_greeting_that_is_none(payload):
    client = RunnerClient("evil", launch(None, None, name="evil"), None, CodeLibrary())
    client.attach(Wire())
    client.data_received(greeting(payload))
    async with asyncio.timeout(5):
        with pytest.raises(UnreachableError, match="cannot be read"):
            await client.ready()
    client.close()


@pytest.mark.parametrize("kind", [frames.RESULT, frames.CRASH])
@pytest.mark.parametrize("payload", [b"[]", b"7", b"{", b'{"a": ' + b"[" * 100_000, b"\xff"])
async def test_an_answer_that_is_none(kind, payload):
    client = await connected()
    asking = asyncio.create_task(client.call(ModuleCall(module="ping", args={})))
    await asyncio.sleep(0)
    client.data_received(frames.encode(kind, 1, payload))
    async with asyncio.timeout(5):
        with pytest.raises(ModuleCrashError, match="cannot be read"):
            await asking
    client.close()


@pytest.mark.parametrize(
    "crash", [{}, {"reason": ["x"]}, {"signal": "\x1b[2J", "noise": 5}, {"reason": None, "status": {}}]
)
async def test_a_crash_of_an_odd_shape(crash):
    client = await connected()
    asking = asyncio.create_task(client.call(ModuleCall(module="ping", args={})))
    await asyncio.sleep(0)
    client.data_received(frames.encode(frames.CRASH, 1, json.dumps(crash).encode()))
    async with asyncio.timeout(5):
        with pytest.raises(StellaError):
            await asking
    client.close()


async def test_need_content_without_end_is_answered_once():
    client = await connected()
    wire = client._wire
    asking = asyncio.create_task(client.call(ModuleCall(module="copy", args={"dest": "/x"}, content=b"once")))
    for task_id in (1, 2):
        await asyncio.sleep(0.01)
        client.data_received(frames.encode(frames.RESULT, task_id, b'{"need_content": true}'))
    async with asyncio.timeout(5):
        assert await asking == {"need_content": True}
    assert bytes(wire.sent).count(b"once") == 2
    client.close()


async def test_answers_to_what_was_not_asked_are_dropped():
    client = await connected()
    for task_id in (0, 1, 2**32 - 1):
        client.data_received(frames.encode(frames.RESULT, task_id, b"{}"))
    assert client.alive
    client.close()


class Ear:
    """Listens to what a task prints."""

    rate, total = 1000, 10_000

    def __init__(self):
        self.heard = []

    def __call__(self, stream, skipped, data):
        self.heard.append((stream, skipped, data))


def piece(stream, skipped, data):
    return frames.TOLD.pack(stream, skipped) + data


async def test_output_is_heard_by_who_asked_for_it_and_only_until_the_answer():
    client = await connected()
    ear = Ear()
    asking = asyncio.create_task(client.call(ModuleCall(module="command", args={}, live=ear)))
    await asyncio.sleep(0)
    assert b'"live": [1000, 10000]' in bytes(client._wire.sent)
    for task_id in (1, 2, 0, 2**32 - 1):
        client.data_received(frames.encode(frames.OUTPUT, task_id, piece(1, 7, b"out")))
    client.data_received(frames.encode(frames.RESULT, 1, b"{}") + frames.encode(frames.OUTPUT, 1, piece(2, 0, b"late")))
    async with asyncio.timeout(5):
        assert await asking == {}
    client.data_received(frames.encode(frames.OUTPUT, 1, piece(2, 0, b"later")))
    assert [heard for heard in ear.heard if heard[2] != b"late"] == [(1, 7, b"out")]
    assert client.alive
    client.close()


async def test_hosts_are_not_asked_for_output_that_nobody_wants():
    """Nor do they get code for it before somebody does."""
    client = await connected()
    plain = asyncio.create_task(client.call(ModuleCall(module="command", args={})))
    await asyncio.sleep(0)
    sent = bytes(client._wire.sent)
    assert b'"live": [' not in sent
    watched = asyncio.create_task(client.call(ModuleCall(module="command", args={}, live=Ear())))
    await asyncio.sleep(0)
    decoder = frames.FrameDecoder((frames.CODE, frames.TASK))
    more = list(decoder.feed(bytes(client._wire.sent)[len(sent) :]))
    assert [kind for kind, _, _ in more] == [frames.CODE, frames.TASK]
    assert b"stella_ops.remote.lib.live" in more[0][2]
    for call in (plain, watched):
        call.cancel()
    client.close()


@pytest.mark.parametrize("payload", [b"", b"\1", piece(0, 0, b"x"), piece(3, 0, b""), piece(1, 0, b"x" * 70_000)])
async def test_output_that_is_none(payload):
    client = await connected()
    ear = Ear()
    asking = asyncio.create_task(client.call(ModuleCall(module="command", args={}, live=ear)))
    await asyncio.sleep(0)
    client.data_received(frames.encode(frames.OUTPUT, 1, payload))
    async with asyncio.timeout(5):
        with pytest.raises(UnreachableError, match="cannot be read"):
            await asking
    assert ear.heard == []
    client.close()
