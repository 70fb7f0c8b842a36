"""Waits, or asks the operator to go on."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from stella_ops.actions.base import ActionContext, ActionError, Result
from stella_ops.booleans import says_no

ARGUMENTS: dict[str, dict[str, Any]] = {
    "minutes": {"type": "float"},
    "seconds": {"type": "float"},
    "prompt": {"type": "str"},
    "echo": {"type": "bool", "default": True},
}

# The controller pauses once, not once for each host.
RUN_ONCE = True


_ABORT, _GO_ON = "Task failed: user requested abort!", "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)"
_ENTER = "Press enter to continue, Ctrl+C to interrupt"
_QUESTION = "Press 'C' to continue the play or 'A' to abort "
_INTERRUPT = b"\x03"


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Waits for the time given, a second at least; without one, for the operator's Enter.

    At a terminal Ctrl-C asks whether to go on or to give up. Where there is none to ask at, it goes on at once, with a
    warning.
    """
    given = [args.get("minutes"), args.get("seconds")]
    if all(value is not None for value in given):
        raise ActionError("parameters are mutually exclusive: minutes|seconds")
    try:
        seconds = float(given[1] or 0) + 60 * float(given[0] or 0)
    except (TypeError, ValueError):
        raise ActionError("minutes and seconds must be numbers") from None
    echo = not says_no(args.get("echo", True))
    hidden = "" if echo else " (output is hidden)"
    started = time.monotonic()
    start = datetime.now()
    result: Result = {"user_input": "", "stderr": "", "rc": 0, "echo": echo, "changed": False}
    prompt = args.get("prompt")
    asked = f"[{context.title().strip() or context.host}]\n{prompt or _ENTER}{hidden}:"
    if given != [None, None]:
        seconds = max(1.0, seconds)
        context.say(f"Pausing for {int(seconds)} seconds{hidden}")
        if prompt:
            context.say(_GO_ON)
        if _has_operator():
            await _ask(asked if prompt else _GO_ON, echo=False, seconds=seconds)
        else:
            await asyncio.sleep(seconds)
    elif _has_operator():
        result["user_input"] = await _ask(asked, echo=echo)
    else:
        result["warnings"] = ["Not waiting for response to prompt as stdin is not interactive"]
    took = time.monotonic() - started
    whole = given[0] is not None or given == [None, None]
    said = f"{round(took / 60, 2)} minutes" if whole else f"{round(took, 2)} seconds"
    return {
        **result,
        "start": str(start),
        "stop": str(datetime.now()),
        "delta": int(took),
        "stdout": f"Paused for {said}",
    }


def _has_operator() -> bool:
    """Whether somebody can answer: at a terminal, and not behind a program that has it now."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return True  # a terminal that controls nobody


async def _ask(prompt: str, *, echo: bool, seconds: float | None = None) -> str:
    """One line from the terminal, or nothing after so many seconds, in which lines are passed over.

    Raises:
        ActionError: interrupted, and told to give up.
    """
    terminal = sys.stdin.fileno()
    _show(prompt)
    until = None if seconds is None else asyncio.get_running_loop().time() + seconds
    with _terminal(terminal, echo=echo) as press:
        while True:
            try:
                async with asyncio.timeout_at(until):
                    said = await _read(terminal)
            except TimeoutError:
                return ""
            if said.endswith(_INTERRUPT):
                break
            if said == b"" and until is not None:
                await asyncio.sleep(until - asyncio.get_running_loop().time())
                return ""
            if until is None:
                return said.decode("utf-8", "replace").rstrip("\r\n")
        _show(_QUESTION)
        press()
        while True:
            key = (await _read(terminal, 1)).lower()
            if key == b"c":
                return ""
            if key in (b"a", _INTERRUPT, b""):
                raise ActionError(_ABORT)


async def _read(terminal: int, most: int = 64 * 1024) -> bytes:
    """What is typed next. Nothing blocks meanwhile."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    def readable() -> None:
        if not answer.done():
            try:
                answer.set_result(os.read(terminal, most))
            except OSError:  # it is gone
                answer.set_result(b"")

    loop.add_reader(terminal, readable)
    try:
        return await answer
    finally:
        loop.remove_reader(terminal)


def _show(text: str) -> None:
    # Not on standard output, which may be read by a program.
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def _terminal(terminal: int, *, echo: bool) -> Iterator[Callable[[], None]]:
    """A terminal at which Ctrl-C ends a line, and no program; as it was, afterwards.

    What it yields has single keys arrive from then on, which are not shown.
    """
    import termios

    before = termios.tcgetattr(terminal)
    lines, keys = [*before[:6], list(before[6])], [*before[:6], list(before[6])]
    for state in (lines, keys):
        state[6][termios.VINTR] = b"\x00"
    lines[6][termios.VEOL] = _INTERRUPT
    if not echo:
        lines[3] &= ~termios.ECHO
    keys[3] &= ~(termios.ICANON | termios.ECHO)
    keys[6][termios.VMIN], keys[6][termios.VTIME] = 1, 0
    termios.tcsetattr(terminal, termios.TCSADRAIN, lines)
    try:
        yield lambda: termios.tcsetattr(terminal, termios.TCSADRAIN, keys)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
