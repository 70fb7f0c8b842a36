"""Checks that a host is fit for an agent: disk, Python, clock, architecture; for a container its engine."""

from __future__ import annotations

import time
from typing import Any

from stella_ops.actions._agent import container, hinted, target
from stella_ops.actions.base import ActionContext, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "min_disk_mb": {"type": "int"},
    "max_skew_seconds": {"type": "float"},
    "architectures": {"type": "list", "elements": "str"},
    "min_python": {"type": "str"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """Changes nothing; fails with every cause at once, and what to do about it."""
    wanted = {name: value for name, value in args.items() if value is not None}
    wanted["prefix"] = target(context, args).prefix
    boxed = container(context)
    if boxed:
        wanted.update(container=boxed.name, docker_host=boxed.engine)
    wanted["controller_time"] = time.time()
    return hinted(await context.module("agent_preflight", wanted))
