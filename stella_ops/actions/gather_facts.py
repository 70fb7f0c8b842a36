"""Gathers facts: the module ``setup``."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, Result

ARGUMENTS: dict[str, dict[str, Any]] | None = None


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """As ``setup``; ``parallel`` has no meaning where there is one module of facts."""
    return await context.module("setup", {name: value for name, value in args.items() if name != "parallel"})
