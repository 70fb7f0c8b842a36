"""Installs the agent package: its files, folders, user and service unit."""

from __future__ import annotations

from typing import Any

from stella_ops import content
from stella_ops.actions._agent import target, variable
from stella_ops.actions.base import ActionContext, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "python": {"type": "path"},
    "user": {"type": "str"},
}

SERVICE_USER = "stella-agent"


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The package of this version; a host that has it already is left alone."""
    fleet = context.the_fleet()
    package = await fleet.call(lambda: fleet.package)
    hello = await context.session.hello(context.become)
    python = str(args.get("python") or variable(context, "stella_agent_python") or hello["executable"])
    user = str(args.get("user") or SERVICE_USER)
    template = content.find_content("templates", "stella-agent.service", [p / "templates" for p in context.search_path])
    assert template is not None
    unit = context.templar.render_file(
        template.read_text(encoding="utf-8"), str(template), {"agent_python": python, "agent_user": user}
    )
    wanted = {
        "prefix": target(context, args).prefix,
        "version": package.version,
        "sha256": package.sha256,
        "size": package.size,
        "python": python,
        "user": user,
        "unit": unit,
    }
    return await context.module("agent_install", wanted, content=package.path)
