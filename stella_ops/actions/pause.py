"""Waits, or asks the operator to go on."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
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


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Waits for the time given, a second at least; without one, for the operator's Enter.

    Where there is no terminal to ask at, it goes on at once, with a warning.
    """
    given = [args.get("minutes"), args.get("seconds")]
    if all(value is not None for value in given):
        raise ActionError("parameters are mutually exclusive: minutes|seconds")
    try:
        seconds = float(given[1] or 0) + 60 * float(given[0] or 0)
    except (TypeError, ValueError):
        raise ActionError("minutes and seconds must be numbers") from None
    echo = not says_no(args.get("echo", True))
    started = time.monotonic()
    start = datetime.now()
    result: Result = {"user_input": "", "stderr": "", "rc": 0, "echo": echo, "changed": False}
    if given != [None, None]:
        await asyncio.sleep(max(1.0, seconds))
    elif sys.stdin is not None and sys.stdin.isatty():
        prompt = args.get("prompt") or "Press enter to continue, Ctrl+C to interrupt"
        result["user_input"] = await _ask(f"[{context.host}]\n{prompt}:", echo=echo)
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


async def _ask(prompt: str, *, echo: bool) -> str:
    """One line from the terminal. Nothing blocks meanwhile: Ctrl-C ends the run as anywhere else."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    terminal = sys.stdin.fileno()

    def readable() -> None:
        if not answer.done():
            answer.set_result(os.read(terminal, 64 * 1024))

    # Not on standard output, which may be read by a program.
    sys.stderr.write(prompt + "\n")
    sys.stderr.flush()
    with _echo(terminal, echo):
        loop.add_reader(terminal, readable)
        try:
            return (await answer).decode("utf-8", "replace").rstrip("\r\n")
        finally:
            loop.remove_reader(terminal)


@contextmanager
def _echo(terminal: int, wanted: bool) -> Iterator[None]:
    if wanted:
        yield
        return
    import termios

    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
