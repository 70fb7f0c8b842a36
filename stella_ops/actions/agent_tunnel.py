"""Opens the tunnel of a host, for the rest of the run (``play --tunnel``)."""

from __future__ import annotations

from typing import Any

from stella_ops.actions._agent import variable
from stella_ops.actions.base import ActionContext, ActionFailure, Result
from stella_ops.errors import TunnelError
from stella_ops.transport.tunnel import HostTunnel

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Return ``socket`` and ``user``; nothing on the host stays changed, so the task is ``ok``."""
    way = context.tunnels
    if way is None:
        raise ActionFailure(
            "this run has no tunnels", _hint="run with stella-ops play --tunnel, or beside it: stella-ops tunnel"
        )
    spec = context.session.spec
    if spec.kind == "local":
        return {"skipped": True, "skip_reason": "an agent on this machine has the network that this machine has"}
    prefix = args.get("prefix") or variable(context, "stella_agent_prefix")
    tunnel = HostTunnel(way.session(spec), context.become, str(prefix) if prefix else None, way.purpose)
    try:
        if context.check:
            await tunnel.foretell()
        else:
            await way.tunnels.opened(context.host, tunnel)
    except TunnelError as problem:
        return {"failed": True, "msg": problem.message, **({"_hint": problem.hint} if problem.hint else {})}
    return {"changed": False, "socket": tunnel.socket, "user": tunnel.user}
