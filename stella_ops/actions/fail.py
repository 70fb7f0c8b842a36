"""Fails with a message."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result

# At the end of a rescue section it says that a block failed for good: who goes on later begins with the block.
GIVES_UP = True
ARGUMENTS: dict[str, dict[str, Any]] = {"msg": {"type": "raw", "default": "Failed as requested from task"}}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Always fails."""
    raise ActionFailure(args.get("msg", "Failed as requested from task"))
