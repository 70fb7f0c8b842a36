"""Waiting, and asking at a real pseudo-terminal."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import sys
import termios
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stella_ops.actions import pause
from stella_ops.actions.base import ActionFailure


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Makes standard input a terminal; the operator's end of it."""
    operator, ours = pty.openpty()
    with os.fdopen(ours, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield operator
    os.close(operator)


async def test_waits(make_context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await pause.run(make_context(), {"seconds": "5"})
    await pause.run(make_context(), {"minutes": 2})
    await pause.run(make_context(), {"seconds": 0})
    assert slept == [5, 120, 1]


@pytest.mark.parametrize("args", [{"seconds": "soon"}, {"seconds": 1, "minutes": 1}])
async def test_what_is_no_time(make_context: Callable[..., Any], args: dict[str, Any]) -> None:
    with pytest.raises(ActionFailure):
        await pause.run(make_context(), args)


async def test_goes_on_where_nobody_can_answer(
    make_context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    result = await pause.run(make_context(), {"prompt": "Sure?"})
    assert result["user_input"] == "" and "not interactive" in result["warnings"][0]


async def test_asks(make_context: Callable[..., Any], terminal: int, capsys: pytest.CaptureFixture[str]) -> None:
    asking = asyncio.create_task(pause.run(make_context(), {"prompt": "Sure?"}))
    await asyncio.sleep(0.01)
    os.write(terminal, b"yes, go\n")
    result = await asking
    assert result["user_input"] == "yes, go"
    shown = capsys.readouterr()
    assert "Sure?" in shown.err and shown.out == ""


async def test_a_hidden_answer_is_not_echoed_and_the_terminal_is_given_back(
    make_context: Callable[..., Any], terminal: int
) -> None:
    before = termios.tcgetattr(sys.stdin.fileno())
    asking = asyncio.create_task(pause.run(make_context(), {"prompt": "Word?", "echo": "no"}))
    await asyncio.sleep(0.01)
    assert not termios.tcgetattr(sys.stdin.fileno())[3] & termios.ECHO
    os.write(terminal, b"hidden\n")
    assert (await asking)["user_input"] == "hidden"
    assert termios.tcgetattr(sys.stdin.fileno()) == before


async def _typed(terminal: int, asking: asyncio.Task[Any], capsys: pytest.CaptureFixture[str], *keys: bytes) -> str:
    """Types keys, each once something was asked; what was shown."""
    shown = ""
    for key in keys:
        said = ""
        while not said and not asking.done():
            await asyncio.sleep(0.01)
            said = capsys.readouterr().err
        shown += said
        os.write(terminal, key)
    await asyncio.wait([asking])
    return shown


@pytest.mark.parametrize("args", [{"seconds": 600}, {"minutes": 10, "prompt": "Look around"}, {}])
async def test_an_interrupt_may_be_told_to_go_on(
    make_context: Callable[..., Any], terminal: int, capsys: pytest.CaptureFixture[str], args: dict[str, Any]
) -> None:
    before = termios.tcgetattr(sys.stdin.fileno())
    asking = asyncio.create_task(pause.run(make_context(), args))
    shown = await _typed(terminal, asking, capsys, b"x\x03", b"yC")
    assert "Press 'C' to continue the play or 'A' to abort" in shown
    assert asking.result()["user_input"] == "" and asking.result()["delta"] < 60
    assert termios.tcgetattr(sys.stdin.fileno()) == before


@pytest.mark.parametrize("key", [b"a", b"A", b"\x03"])
async def test_an_interrupt_may_be_told_to_give_up(
    make_context: Callable[..., Any], terminal: int, capsys: pytest.CaptureFixture[str], key: bytes
) -> None:
    before = termios.tcgetattr(sys.stdin.fileno())
    asking = asyncio.create_task(pause.run(make_context(), {"seconds": 600}))
    await _typed(terminal, asking, capsys, b"\x03", key)
    with pytest.raises(ActionFailure, match="Task failed: user requested abort!"):
        asking.result()
    assert termios.tcgetattr(sys.stdin.fileno()) == before


async def test_the_time_passes_whatever_is_typed(
    make_context: Callable[..., Any], terminal: int, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = asyncio.create_task(pause.run(make_context(), {"seconds": 1}))
    await _typed(terminal, asking, capsys, b"what now?\n")
    assert asking.result()["user_input"] == "" and asking.result()["delta"] >= 1


async def test_what_it_waits_for_is_told(make_context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(seconds: float) -> None:
        pass

    monkeypatch.setattr(asyncio, "sleep", sleep)
    told: list[str] = []
    context = make_context()
    context.say = told.append
    await pause.run(context, {"minutes": 2})
    await pause.run(context, {"seconds": 5, "echo": False, "prompt": "Look"})
    assert told == [
        "Pausing for 120 seconds",
        "Pausing for 5 seconds (output is hidden)",
        "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)",
    ]


async def test_an_interrupt_gives_the_terminal_back(make_context: Callable[..., Any], terminal: int) -> None:
    before = termios.tcgetattr(sys.stdin.fileno())
    asking = asyncio.create_task(pause.run(make_context(), {"echo": False}))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert termios.tcgetattr(sys.stdin.fileno()) == before
