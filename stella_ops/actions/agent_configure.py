"""Pushes an agent's configuration."""

from __future__ import annotations

import json
from typing import Any

from stella_ops.actions._agent import rpc, status, target, variable
from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "name": {"type": "str"},
    "environment": {"type": "str"},
    "config": {"type": "dict"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Defaults, the project's settings, and the variable ``stella_agent_config`` or ``config`` over them."""
    fleet = context.the_fleet()
    agent = target(context, args)
    known = await fleet.call(lambda: fleet.registry.find(agent.name, agent.environment))
    if known is None:
        if context.check:
            return {"changed": True, "msg": "the configuration would be pushed once the agent is enrolled"}
        raise ActionFailure(
            f"agent '{agent.name}' of environment '{agent.environment}' is not enrolled",
            _hint="run bootstrap.yml on the host first",
        )
    wanted = args.get("config") or variable(context, "stella_agent_config")
    desired = await fleet.call(
        fleet.configurations.desire, known.id, wanted, actor=fleet.actor, record=not context.check
    )
    current = await status(context, agent.prefix)
    # A run that was cut off may have left the file without having told the agent: it lives by another one then.
    written = current is not None and current.get("config_sha256") == desired.sha256
    told = current is None or not current.get("running") or current.get("running_config_sha256") == desired.sha256
    same = written and told
    result: Result = {"changed": not same, "revision": desired.revision, "sha256": desired.sha256}
    if context.diff and not same:
        result["diff"] = {
            "before": "",
            "after": json.dumps(desired.config, indent=2, sort_keys=True) + "\n",
            "before_header": "agent.json",
            "after_header": f"agent.json revision {desired.revision}",
        }
    if same or context.check:
        return result
    applied = await rpc(
        context, agent.prefix, "apply-config", {"config": dict(desired.config), "revision": desired.revision}
    )
    await fleet.call(fleet.configurations.applied, known.id, desired, actor=fleet.actor)
    return {**result, "changed": bool(applied.get("changed")) or written}
