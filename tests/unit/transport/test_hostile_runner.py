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
