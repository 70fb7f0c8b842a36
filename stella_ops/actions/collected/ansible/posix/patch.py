"""Applies a patch; one of the controller is on the host meanwhile."""

from __future__ import annotations

from typing import Any

from stella_ops.actions._travelling import on_host
from stella_ops.actions.arguments import convert
from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file

# What else is given is for the module, which checks it.
ARGUMENTS: dict[str, dict[str, Any]] | None = None


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """See the module."""
    source = next((name for name in ("src", "patchfile") if args.get(name) is not None), None)
    if source is None:
        raise ActionFailure("src is required")
    try:
        there = convert("bool", args.get("remote_src", False))
    except ValueError:
        there = False
    if there:
        return await context.module(context.action, args)
    async with on_host(context, find_file(context, "files", str(args[source]))) as path:
        return await context.module(context.action, {**args, source: path})
