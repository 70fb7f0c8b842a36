"""Starts, stops or restarts the agent: a systemd service, a supervised process without root, or a container."""

from __future__ import annotations

from typing import Any

from stella_ops.actions import agent_container
from stella_ops.actions._agent import container, hinted, target
from stella_ops.actions.base import ActionContext, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "state": {"type": "str", "choices": ["started", "stopped", "restarted"]},
    "enabled": {"type": "bool"},
    "wait": {"type": "float"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The host decides which of the first two it is."""
    if container(context):
        return await agent_container.bring_to(context, args)
    wanted = {name: value for name, value in args.items() if value is not None}
    return hinted(await context.module("agent_service", {**wanted, "prefix": target(context, args).prefix}))
