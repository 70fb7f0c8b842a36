"""Removes an agent from a host, and strikes it off the fleet."""

from __future__ import annotations

from typing import Any

from stella_ops.actions import agent_container
from stella_ops.actions._agent import container, hinted, target
from stella_ops.actions.base import ActionContext, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "name": {"type": "str"},
    "environment": {"type": "str"},
    "keep_data": {"type": "bool"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Service, files, user, or the container; then the store: certificates revoked, agent marked as decommissioned."""
    fleet = context.the_fleet()
    agent = target(context, args)
    keep_data = bool(args.get("keep_data"))
    if container(context):
        result = await agent_container.remove(context, keep_data=keep_data)
    else:
        result = await context.module("agent_remove", {"prefix": agent.prefix, "keep_data": keep_data})
    if result.get("failed"):
        return hinted(result)
    known = await fleet.call(lambda: fleet.registry.find(agent.name, agent.environment))
    if known is not None and known.decommissioned_at is None:
        result["changed"] = True
        if not context.check:
            await fleet.call(fleet.registry.decommission, known.id, actor=fleet.actor)
    return result
