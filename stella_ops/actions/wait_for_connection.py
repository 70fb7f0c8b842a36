"""Waits until a host can be logged in to and runs modules."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from stella_ops.actions._again import PATIENCE, NotBack, until_it_answers
from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "connect_timeout": {"type": "int", "default": 5, "doc": "seconds that one connection may take to be made"},
    "delay": {"type": "int", "default": 0, "doc": "seconds before the first attempt"},
    "sleep": {"type": "int", "default": 1, "doc": "longest pause between attempts, in seconds"},
    "timeout": {"type": "int", "default": 600, "doc": "seconds until it is given up"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``elapsed``: whole seconds that it took."""
    if context.check:
        return {"skipped": True}
    context.alone()
    given = {name: args.get(name) for name in ARGUMENTS}
    wanted = {name: ARGUMENTS[name]["default"] if value is None else value for name, value in given.items()}
    started = time.monotonic()
    await asyncio.sleep(max(0, wanted["delay"]))

    async def attempt() -> None:
        async with asyncio.timeout(max(1, wanted["connect_timeout"])):
            await context.session.login()
        answer = await context.module("ping", {}, check=False)
        if answer.get("ping") != "pong":
            raise NotBack(str(answer.get("msg") or "ping test failed"))

    try:
        await until_it_answers(
            context,
            attempt,
            what="timed out waiting for ping module test",
            seconds=wanted["timeout"],
            first_pause=min(0.2, wanted["sleep"]),
            longest_pause=wanted["sleep"],
            patience=wanted["connect_timeout"] + PATIENCE,
        )
    except NotBack as problem:
        raise ActionFailure(f"{problem}: {problem.last}", elapsed=int(time.monotonic() - started)) from None
    return {"changed": False, "elapsed": int(time.monotonic() - started)}
