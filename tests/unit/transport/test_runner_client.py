"""The controller's end of a runner, against real runners on this machine and against staged bytes."""

import asyncio
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import (
    BecomeError,
    InterpreterError,
    ModuleCrashError,
    TaskError,
    TaskTimeoutError,
    UnreachableError,
)
from stella_ops.transport import frames
from stella_ops.transport.base import Become, ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.content import SMALL
from stella_ops.transport.launch import Launch, launch
from stella_ops.transport.runner_client import RunnerClient

Local = Callable[..., Any]


def call(module: str, content: bytes | Path | None = None, timeout: float = 0, **args: Any) -> ModuleCall:
    return ModuleCall(module=module, args=args, content=content, timeout=timeout)


class StagedWire:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        self.closed = True

    abort = close


def client(
    code: CodeLibrary, become: Become | None = None, prompt: bytes | None = None, *, attached: bool = True
) -> tuple[RunnerClient, StagedWire]:
    asks = None if prompt is None else re.compile(re.escape(prompt))
    made = RunnerClient("web", Launch("command", b"PROGRAM", asks), become, code)
    wire = StagedWire()
    if attached:
        made.attach(wire)
    return made, wire


HELLO = {"uid": 0, "user": "root", "home": "/root", "python": "3.9.2", "executable": "/usr/bin/python3", "time": 1.5}


def hello() -> bytes:
    return frames.MAGIC + frames.encode(frames.HELLO, 0, json.dumps(HELLO).encode())


async def test_calls_overlap_on_one_runner(local: Local) -> None:
    session = local()
    answers = await asyncio.gather(*(session.call(call("echo", value=n)) for n in range(60)))
    assert [answer["value"] for answer in answers] == list(range(60))
    assert (await session.hello())["uid"] == os.geteuid()


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, 3_000_000])
@pytest.mark.parametrize("kind", ["bytes", "file"])
async def test_content_arrives_whole(local: Local, tmp_path: Path, size: int, kind: str) -> None:
    data = os.urandom(size)
    (tmp_path / "data").write_bytes(data)
    answer = await local().call(call("size", content=data if kind == "bytes" else tmp_path / "data"))
    assert answer["size"] == size
    assert answer["sha256"] == hashlib.sha256(data).hexdigest()


async def test_an_early_answer_ends_the_stream(local: Local, tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as out:
        out.truncate(8 << 30)
    session = local()
    async with asyncio.timeout(20):
        assert (await session.call(call("size", content=tmp_path / "big", want=10)))["size"] == 10
        assert (await session.call(call("echo", value=1)))["value"] == 1


async def test_content_that_cannot_be_read_is_told_and_the_runner_goes_on(local: Local, tmp_path: Path) -> None:
    session = local()
    with pytest.raises(TaskError, match=r"cannot read .*gone on the controller: No such file"):
        await session.call(call("size", content=tmp_path / "gone"))
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(TaskError, match="cannot read"):
        await session.call(call("size", content=folder))
    assert (await session.call(call("echo", value=1)))["value"] == 1


async def test_cancelling_a_call_kills_the_task(local: Local, tmp_path: Path) -> None:
    session = local()
    waiting = asyncio.create_task(session.call(call("sleeper", path=str(tmp_path / "pid"))))
    while not (tmp_path / "pid").exists():
        await asyncio.sleep(0.01)
    pid = int((tmp_path / "pid").read_text())
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.01)
    assert (await session.call(call("echo", value=1)))["value"] == 1


async def test_a_timeout_is_told(local: Local, tmp_path: Path) -> None:
    with pytest.raises(TaskTimeoutError, match=r"did not end within 0\.3 seconds"):
        await local().call(call("sleeper", path=str(tmp_path / "pid"), timeout=0.3))


@pytest.mark.parametrize(("number", "text"), [(9, r"signal 9 \(out of memory\?\)"), (11, "signal 11")])
async def test_a_crash_is_told_with_last_words(local: Local, number: int, text: str) -> None:
    session = local()
    with pytest.raises(ModuleCrashError, match=f"{text}: last words"):
        await session.call(call("dies", signal=number))
    assert (await session.call(call("echo", value=1)))["value"] == 1


async def test_a_killed_runner_is_told_and_the_next_call_has_a_new_one(local: Local) -> None:
    session = local()
    first = await session.hello()
    async with asyncio.timeout(20):
        with pytest.raises(UnreachableError, match="the connection to the host broke"):
            await session.call(call("killparent"))
        assert (await session.call(call("echo", value=1)))["value"] == 1
    assert (await session.hello())["pid"] != first["pid"]


async def test_an_unknown_module_is_an_error_with_the_nearest_name(local: Local) -> None:
    with pytest.raises(TaskError, match="there is no module 'ecko'") as caught:
        await local().call(call("ecko"))
    assert "echo" in str(caught.value.hint)


async def test_a_wrong_interpreter_is_told(local: Local) -> None:
    with pytest.raises(InterpreterError, match=r"The module interpreter '/no/such/python' was not found\."):
        await local(interpreter="/no/such/python").call(call("echo"))


@pytest.mark.parametrize("cut", [1, 3, 7, 1000])
async def test_junk_before_the_runner_speaks_is_passed_over(code: CodeLibrary, cut: int) -> None:
    runner, wire = client(code)
    data = b'Welcome!\n\0 {"junk": 1}\n\0stella-run' + hello()
    for at in range(0, len(data), cut):
        runner.data_received(data[at : at + cut])
    await runner.ready()
    assert runner.hello == HELLO
    assert wire.written.startswith(b"PROGRAM")


async def test_endless_junk_is_given_up(code: CodeLibrary) -> None:
    runner, wire = client(code)
    for _ in range(20):
        runner.data_received(b"y\n" * 50000)
    with pytest.raises(UnreachableError, match="printed more than 1 MiB"):
        await runner.ready()
    assert wire.closed


async def test_something_that_writes_into_the_frames_is_told(code: CodeLibrary) -> None:
    runner, _ = client(code)
    runner.data_received(hello() + b"You have new mail in /var/mail/ops\n")
    assert not runner.alive
    with pytest.raises(UnreachableError, match="You have new mail"):
        await runner.call(call("echo"))


async def test_the_password_is_sent_once_to_the_very_prompt_and_before_the_program(code: CodeLibrary) -> None:
    runner, wire = client(code, Become(password="pw"), b"[prompt 17] ")
    runner.stderr_received(b"We trust you have received the usual lecture. [prompt 1")
    assert wire.written == b""
    runner.stderr_received(b"7] ")
    assert wire.written == b"pw\n"
    runner.data_received(b"motd\n" + frames.READY[:5])
    runner.data_received(frames.READY[5:])
    assert wire.written == b"pw\nPROGRAM"
    runner.data_received(hello())
    await runner.ready()


async def test_a_start_that_comes_before_the_process_is_attached_is_answered(code: CodeLibrary) -> None:
    """Nobody has asked for the password, and the program is waited for."""
    runner, wire = client(code, Become(password="pw"), b"[prompt 17] ", attached=False)
    runner.data_received(frames.READY)
    runner.attach(wire)
    assert wire.written == b"PROGRAM"


async def test_a_question_that_comes_before_the_process_is_attached_is_answered(code: CodeLibrary) -> None:
    runner, wire = client(code, Become(password="pw"), b"[prompt 17] ", attached=False)
    runner.stderr_received(b"[prompt 17] ")
    assert wire.written == b""
    runner.attach(wire)
    assert wire.written == b"pw\n"


async def test_without_a_question_the_password_is_not_sent(code: CodeLibrary) -> None:
    """NOPASSWD, or sudo remembers: what follows on standard input would be read by the command."""
    runner, wire = client(code, Become(password="pw"), b"[prompt 17] ")
    runner.data_received(frames.READY)
    assert wire.written == b"PROGRAM"
    runner.data_received(hello())
    await runner.ready()
    assert b"pw" not in wire.written


async def test_a_second_question_means_a_wrong_password(code: CodeLibrary) -> None:
    runner, wire = client(code, Become(password="pw"), b"[prompt 17] ")
    runner.stderr_received(b"[prompt 17] ")
    runner.stderr_received(b"Sorry, try again.\n[prompt 17] ")
    with pytest.raises(BecomeError, match="Incorrect sudo password: cannot become root: the password is wrong"):
        await runner.ready()
    assert wire.written == b"pw\n"
    assert wire.closed


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("sudo: a password is required", "-K"),
        ("sudo: a terminal is required to read the password", "-K"),
        ("sudo: 1 incorrect password attempt", "check the become password"),
        ("sh: 1: exec: sudo: not found", "install sudo"),
        ("sudo: unknown user nobody2", "become_user"),
        ("ops is not in the sudoers file.", "sudoers"),
    ],
)
async def test_sudos_refusal_is_told_with_a_hint(code: CodeLibrary, said: str, hint: str) -> None:
    runner, _ = client(code, Become())
    runner.stderr_received(f"a warning\n{said}\n".encode())
    runner.connection_lost()
    with pytest.raises(BecomeError, match="cannot become root") as caught:
        await runner.ready()
    assert said in caught.value.message
    assert hint in str(caught.value.hint)


async def test_no_python_behind_sudo_is_no_fault_of_sudo(code: CodeLibrary) -> None:
    runner, _ = client(code, Become())
    runner.data_received(frames.NO_PYTHON)
    runner.stderr_received(b"python3: broken\n")
    runner.connection_lost()
    with pytest.raises(InterpreterError, match="python3: broken"):
        await runner.ready()


async def test_what_a_restricted_login_prints_is_told(code: CodeLibrary) -> None:
    runner, _ = client(code)
    runner.data_received(b"This account is currently not available.\n")
    runner.connection_lost()
    with pytest.raises(UnreachableError, match="did not start: This account is currently not available"):
        await runner.ready()


async def test_a_loss_between_two_steps_of_a_call_does_not_hang(code: CodeLibrary) -> None:
    """A module asks for its content and the connection breaks in the same moment."""
    runner, _ = client(code)
    runner.data_received(hello())
    waiting = asyncio.create_task(runner.call(call("size", content=b"x" * (SMALL + 1))))
    await asyncio.sleep(0)
    runner.data_received(frames.encode(frames.RESULT, 1, b'{"need_content": true}'))
    runner.connection_lost("cut")
    async with asyncio.timeout(5):
        with pytest.raises(UnreachableError, match="cut"):
            await waiting


async def test_code_travels_once(code: CodeLibrary) -> None:
    runner, wire = client(code)
    runner.data_received(hello())
    sizes = []
    for number in (1, 2):
        before = len(wire.written)
        waiting = asyncio.create_task(runner.call(call("echo", value=1)))
        await asyncio.sleep(0)
        sizes.append(len(wire.written) - before)
        runner.data_received(frames.encode(frames.RESULT, number, b'{"value": 1}'))
        await waiting
    assert sizes[1] < 300 < sizes[0]


async def test_a_client_shows_that_it_lives(code: CodeLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stella_ops.transport.runner_client.ALIVE_SECONDS", 0.05)
    runner, wire = client(code)
    runner.data_received(hello())
    deadline = time.monotonic() + 5
    alive = frames.encode(frames.ALIVE, 0, b"")
    while wire.written.count(alive) < 4:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    runner.close()
    count = wire.written.count(alive)
    await asyncio.sleep(0.2)
    assert wire.written.count(alive) == count


async def test_answers_that_are_no_mapping_or_come_uncalled_do_no_harm(code: CodeLibrary) -> None:
    runner, _ = client(code)
    runner.data_received(hello() + frames.encode(frames.RESULT, 99, b"{}"))
    waiting = asyncio.create_task(runner.call(call("echo")))
    await asyncio.sleep(0)
    runner.data_received(frames.encode(frames.RESULT, 1, b"[]"))
    with pytest.raises(ModuleCrashError, match="a mapping is expected"):
        await waiting


def test_the_launch_has_what_the_client_needs() -> None:
    started = launch("/usr/bin/python3", None, name="web")
    assert (started.prompt, started.interpreter) == (None, "/usr/bin/python3")
