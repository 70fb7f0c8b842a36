"""Speaks with S3 from the host; a file to send may be the host's own, or the controller's."""

from __future__ import annotations

from typing import Any

from stella_ops.actions._travelling import on_host
from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file

# What else is given is for the module, which checks it.
ARGUMENTS: dict[str, dict[str, Any]] | None = None


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """See the module."""
    source = args.get("src")
    if not source:
        return await context.module(context.action, args)
    context.alone()
    there = await context.module("stat", {"path": source, "get_checksum": False}, check=False)
    if (there.get("stat") or {}).get("exists"):
        return await context.module(context.action, args)
    try:
        path = find_file(context, "files", str(source))
    except ActionFailure:
        return await context.module(context.action, args)  # which says that it is nowhere
    if context.session.spec.kind == "local" and context.become is None:
        return await context.module(context.action, {**args, "src": str(path)})
    async with on_host(context, path, decrypt=False) as copied:
        return await context.module(context.action, {**args, "src": copied})
