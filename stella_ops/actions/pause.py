"""Waits, or asks the operator to go on."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "minutes": {"type": "float"},
    "seconds": {"type": "float"},
    "prompt": {"type": "str"},
    "echo": {"type": "bool", "default": True},
}

# The controller pauses once, not once for each host.
RUN_ONCE = True


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Waits for the time given; without one, for the operator's Enter (at once where there is no terminal)."""
    try:
        seconds = float(args.get("seconds") or 0) + 60 * float(args.get("minutes") or 0)
    except (TypeError, ValueError):
        raise ActionFailure("minutes and seconds must be numbers") from None
    start = time.time()
    answer = ""
    if args.get("minutes") is not None or args.get("seconds") is not None:
        await asyncio.sleep(max(0.0, seconds))
    elif sys.stdin is not None and sys.stdin.isatty():
        answer = await asyncio.to_thread(_ask, args.get("prompt") or "Press enter to continue")
    stop = time.time()
    return {
        "start": str(datetime.fromtimestamp(start)),
        "stop": str(datetime.fromtimestamp(stop)),
        "delta": int(stop - start),
        "stdout": f"Paused for {stop - start:.2f} seconds",
        "stderr": "",
        "rc": 0,
        "echo": bool(args.get("echo", True)),
        "user_input": answer,
    }


def _ask(prompt: str) -> str:
    try:
        return input(f"{prompt}: ")
    except EOFError:
        return ""
