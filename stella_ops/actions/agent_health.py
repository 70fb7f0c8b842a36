"""Waits until an agent is healthy, and records in the fleet store the visit and that its certificate is in use."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from stella_ops.actions._agent import rpc, target, variable
from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "name": {"type": "str"},
    "environment": {"type": "str"},
    "timeout": {"type": "float", "default": 30},
}

POLL_SECONDS = 0.25


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Healthy means: running, with its identity and configuration, and a heartbeat since it started."""
    fleet = context.the_fleet()
    agent = target(context, args)
    if context.check:
        return {"changed": False, "msg": "health is not waited for in check mode"}
    known = await fleet.call(lambda: fleet.registry.find(agent.name, agent.environment))
    if known is None:
        raise ActionFailure(f"agent '{agent.name}' is not in the fleet store", _hint="enrol it first")
    limit = float(args["timeout"]) if args.get("timeout") is not None else 30.0
    deadline = time.monotonic() + limit
    while True:
        current = await rpc(context, agent.prefix, "status", {})
        missing = _missing(current)
        if missing is None or time.monotonic() >= deadline:
            break
        await asyncio.sleep(POLL_SECONDS)
    if current.get("agent_id") not in (None, known.id):
        raise ActionFailure(
            f"the agent there is '{current.get('name')}' of environment '{current.get('environment')}', "
            f"not '{agent.name}' of '{agent.environment}'",
            _hint="when two inventory names lead to one host, give each a stella_agent_prefix of its own",
        )
    address = variable(context, "ansible_host")
    view = await fleet.call(
        fleet.registry.record_visit,
        known.id,
        current,
        host=context.host,
        ansible_host=str(address) if address else None,
    )
    since = await fleet.call(fleet.registry.last_heartbeat_seq, known.id)
    beats = await rpc(context, agent.prefix, "heartbeats", {"after_seq": since, "limit": 500})
    if isinstance(beats.get("heartbeats"), list):
        await fleet.call(fleet.registry.record_heartbeats, known.id, beats["heartbeats"])
    result: Result = {"changed": False, "agent": view.to_json()}
    if missing is not None:
        raise ActionFailure(
            f"the agent is not healthy after {limit:g} seconds: {missing}",
            _hint=f"stella-ops doctor {context.host} tells more; the agent's log is in its log folder",
            **result,
        )
    await _settle(context, agent.prefix, known.id, current)
    return result


async def _settle(context: ActionContext, prefix: str | None, agent_id: str, current: Result) -> None:
    """The agent is seen to run with its certificate: what that takes the place of is needed no more."""
    fleet = context.the_fleet()
    held = current["certificate"]["fingerprint_sha256"]

    def supersede() -> None:
        from stella_ops.agents.superseding import settle

        settle(fleet.store, agent_id, held, now=fleet.clock(), actor=fleet.actor)

    await fleet.call(supersede)
    if current.get("spare_keys"):
        await rpc(context, prefix, "forget-keys", {})


def _missing(status: Result) -> str | None:
    """What keeps an agent from being healthy, or None."""
    if not status.get("running"):
        return "it is not running"
    if not status.get("certificate"):
        return "it has no certificate"
    if not status.get("config_sha256"):
        return "it has no configuration"
    if status.get("config_problems"):
        return f"its configuration is refused: {'; '.join(map(str, status['config_problems']))}"
    held = status["certificate"]
    for what, installed, running in (
        ("version", status.get("version"), "running_version"),
        ("configuration", status.get("config_sha256"), "running_config_sha256"),
        ("certificate", held.get("fingerprint_sha256"), "running_certificate_fingerprint"),
    ):
        if running in status and status[running] != installed:
            return f"it has not taken up its {what} yet"
    beat = status.get("last_heartbeat")
    if not isinstance(beat, dict):
        return "it has sent no heartbeat"
    if str(beat.get("time", "")) < str(status.get("started_at") or ""):
        return "it has sent no heartbeat since it started"
    if beat.get("status") != "healthy":
        return f"it calls itself {beat.get('status')}"
    return None
