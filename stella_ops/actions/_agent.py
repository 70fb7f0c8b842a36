"""What the agent actions have in common: which agent a host is to have, and how to talk to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result, well
from stella_ops.origins import Origin, SourceText

DOCKER_GROUP = "docker_agents"
PLATFORMS = ("linux", "docker")


@dataclass(frozen=True, slots=True)
class Container:
    """Where an agent that runs in a container is.

    Attributes:
        name: ``stella_agent_container``: the container's name.
        engine: ``stella_docker_host``: the engine's socket, ``unix:///…``; None for the usual one.
    """

    name: str = "stella-agent"
    engine: str | None = None

    def arguments(self) -> dict[str, Any]:
        """What modules are told of it."""
        return {"name": self.name, "docker_host": self.engine}


@dataclass(frozen=True, slots=True)
class AgentTarget:
    """An agent by its host's variables.

    Attributes:
        name: ``stella_agent_name``, else the inventory name.
        environment: ``stella_environment``, else the project's.
        prefix: ``stella_agent_prefix``: the folder everything of the agent lies in; None for the place that
            the host's privileges suggest (the system's folders for root, ~/.stella-agent else).
    """

    name: str
    environment: str
    prefix: str | None


def variable(context: ActionContext, name: str) -> Any:
    """The rendered value of a variable, or None when it is not set."""
    if name not in context.variables:
        return None
    expression = SourceText("{{ " + name + " }}", Origin(name))
    return context.templar.render(expression, context.variables)


def target(context: ActionContext, args: Mapping[str, Any]) -> AgentTarget:
    """The agent of a host; arguments win over variables."""
    fleet = context.the_fleet()
    prefix = args.get("prefix") or variable(context, "stella_agent_prefix")
    return AgentTarget(
        name=str(args.get("name") or variable(context, "stella_agent_name") or context.host),
        environment=str(
            args.get("environment") or variable(context, "stella_environment") or fleet.project.agent.environment
        ),
        prefix=str(prefix) if prefix else None,
    )


def container(context: ActionContext) -> Container | None:
    """The container that a host's agent is to run in; None when it runs on the host itself.

    ``stella_agent_platform`` decides (``docker`` or ``linux``); without it, the group ``docker_agents``.

    Raises:
        ActionFailure: there is no such platform.
    """
    platform = variable(context, "stella_agent_platform")
    groups = context.variables.get("group_names")
    if platform is None:
        platform = "docker" if isinstance(groups, list | tuple) and DOCKER_GROUP in groups else "linux"
    if platform not in PLATFORMS:
        raise ActionFailure(
            f"stella_agent_platform '{platform}' is not known here", _hint=f"known: {', '.join(PLATFORMS)}"
        )
    return named_container(context) if platform == "docker" else None


def named_container(context: ActionContext) -> Container:
    """The container that a host's variables name, whatever its platform."""
    engine = variable(context, "stella_docker_host")
    return Container(
        name=str(variable(context, "stella_agent_container") or "stella-agent"),
        engine=str(engine) if engine else None,
    )


def hinted(result: Result) -> Result:
    """A module's result whose ``hint``, where it failed, is shown as the hint of the task."""
    if result.get("failed") and result.get("hint"):
        result["_hint"] = str(result["hint"])
    return result


async def rpc(context: ActionContext, prefix: str | None, method: str, params: dict[str, Any]) -> Result:
    """Ask the agent one thing, on the host or in its container.

    Raises:
        ActionFailure: the agent cannot be asked, or answers with an error.
    """
    requests = [{"method": method, "params": params}]
    boxed = container(context)
    where = {"container": boxed.name, "docker_host": boxed.engine} if boxed else {"prefix": prefix}
    answer = well(hinted(await context.module("agent_rpc", {**where, "requests": requests}, check=False)))
    responses = answer.get("responses")
    response = responses[0] if isinstance(responses, list) and len(responses) == 1 else None
    if not isinstance(response, dict):
        raise ActionFailure("the agent gave no answer that can be understood")
    if not response.get("ok"):
        error = response.get("error")
        error = error if isinstance(error, dict) else {}
        hint = {"_hint": str(error["hint"])} if error.get("hint") else {}
        raise ActionFailure(f"the agent refuses '{method}': {error.get('message', 'no reason given')}", **hint)
    result = response.get("result")
    return result if isinstance(result, dict) else {}


async def status(context: ActionContext, prefix: str | None) -> Result | None:
    """The installed agent's status; None when there is no agent that can be asked."""
    try:
        return await rpc(context, prefix, "status", {})
    except ActionFailure:
        return None
