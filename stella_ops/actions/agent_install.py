"""Installs the agent package: its files, folders, user and service unit."""

from __future__ import annotations

from typing import Any

from stella_ops import content
from stella_ops.actions import agent_container
from stella_ops.actions._agent import container, hinted, target, variable
from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "prefix": {"type": "path"},
    "python": {"type": "path"},
    "user": {"type": "str"},
}

SERVICE_USER = "stella-agent"
SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")
_HOMES = ("/root/", "/home/", "/run/user/")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The package of this version; a host that has it already is left alone. In ``docker_agents``, a container."""
    if container(context):
        return await agent_container.run(context, {})
    fleet = context.the_fleet()
    package = await fleet.call(lambda: fleet.package)
    prefix = target(context, args).prefix
    python = str(
        args.get("python") or variable(context, "stella_agent_python") or await _service_python(context, prefix)
    )
    user = str(args.get("user") or SERVICE_USER)
    template = content.find_content("templates", "stella-agent.service", [p / "templates" for p in context.search_path])
    assert template is not None
    unit = context.templar.render_file(
        template.read_text(encoding="utf-8"), str(template), {"agent_python": python, "agent_user": user}
    )
    wanted = {
        "prefix": prefix,
        "version": package.version,
        "sha256": package.sha256,
        "size": package.size,
        "python": python,
        "user": user,
        "unit": unit,
    }
    return hinted(await context.module("agent_install", wanted, content=await context.sources.file(package.path)))


async def _service_python(context: ActionContext, prefix: str | None) -> str:
    """The Python that the runner found; for a service another one where that lies in somebody's home.

    A service runs as its own user, and its unit hides home folders (ProtectHome). The package itself checks on
    the host that what is chosen runs it.
    """
    hello = await context.session.hello(context.become)
    found = str(hello["executable"])
    if prefix is None and hello.get("uid") == 0 and found.startswith(_HOMES):
        for other in SYSTEM_PYTHONS:
            there = await context.module("stat", {"path": other}, check=False)
            if there.get("stat", {}).get("exists"):
                return other
        raise ActionFailure(
            f"the host's Python is {found}, which a service cannot use: it lies in a home folder",
            _hint="install python3 from the host's packages, or set stella_agent_python",
        )
    return found
