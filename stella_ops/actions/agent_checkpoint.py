"""Notes what is on a host of an agent, and in the fleet store, before a bootstrap; see ``agent_restore``."""

from __future__ import annotations

from typing import Any

from stella_ops.actions._agent import container, hinted, target
from stella_ops.actions.base import ActionContext, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "name": {"type": "str"},
    "environment": {"type": "str"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Changes nothing. What it returns besides ``changed`` is for ``agent_restore`` alone and shown nowhere.

    Of an agent in a container the fleet store's side alone is noted: its container is ``agent_container``'s.
    """
    if context.check:
        return {"changed": False, "msg": "nothing needs to be noted in check mode"}
    fleet = context.the_fleet()
    agent = target(context, args)
    on_host = None
    if container(context) is None:
        answer = await context.module("agent_checkpoint", {"prefix": agent.prefix})
        if answer.get("failed"):
            return hinted(answer)
        on_host = answer.get("checkpoint")
    service = await fleet.call(lambda: fleet.undoing)
    in_store = await fleet.call(service.take, agent.name, agent.environment)
    return {"changed": False, "_unshown": {"on_host": on_host, "in_store": in_store}}
