"""Which agent runs in a container, what its module is told, and where the agent's actions go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.actions import _agent, agent_container, agent_service
from stella_ops.actions.base import ActionContext, ActionFailure


@pytest.mark.parametrize(
    ("variables", "boxed"),
    [
        ({}, None),
        ({"group_names": ["web"]}, None),
        ({"group_names": ["docker_agents", "web"]}, _agent.Container()),
        ({"group_names": ["docker_agents"], "stella_agent_platform": "linux"}, None),
        ({"stella_agent_platform": "docker"}, _agent.Container()),
        (
            {
                "stella_agent_platform": "{{ 'dock' }}er",
                "stella_agent_container": "a-{{ 1 + 1 }}",
                "stella_docker_host": "unix:///x",
            },
            _agent.Container("a-2", "unix:///x"),
        ),
    ],
)
def test_group_or_variable_tell(
    make_context: Callable[..., ActionContext], variables: dict[str, Any], boxed: _agent.Container | None
) -> None:
    assert _agent.container(make_context(**variables)) == boxed


def test_a_platform_that_nobody_knows(make_context: Callable[..., ActionContext]) -> None:
    with pytest.raises(ActionFailure, match="'dokcer' is not known") as caught:
        _agent.container(make_context(stella_agent_platform="dokcer"))
    assert caught.value.result["_hint"] == "known: linux, docker"


def test_settings_are_those_of_variables_and_arguments_win(make_context: Callable[..., ActionContext]) -> None:
    assert agent_container.settings(make_context()) == {"name": "stella-agent", "volume": "stella-agent-data"}
    context = make_context(
        stella_agent_container="edge", stella_agent_memory="128m", stella_agent_network="none", stella_agent_pids=0
    )
    wanted = {"name": "edge", "volume": "edge-data", "memory": 134217728, "network": "none", "pids": 0}
    assert agent_container.settings(context) == wanted
    given = {"container": "other", "memory": "1.5GiB", "volume": "/srv/agent"}
    told = agent_container.settings(context, given)
    assert (told["name"], told["memory"], told["volume"]) == ("other", 1610612736, "/srv/agent")


@pytest.mark.parametrize("memory", ["much", "-1", "12 x", ""])
def test_memory_that_is_no_size(make_context: Callable[..., ActionContext], memory: str) -> None:
    with pytest.raises(ActionFailure, match="is not a size"):
        agent_container.settings(make_context(), {"memory": memory})


async def test_requests_go_to_the_container(make_context: Callable[..., ActionContext], session: Any) -> None:
    session.answer = lambda call: {"responses": [{"ok": True, "result": {"running": True}}]}
    await _agent.rpc(make_context(stella_agent_platform="docker", stella_docker_host="unix:///x"), "/p", "status", {})
    requests = [{"method": "status", "params": {}}]
    assert session.calls[-1].args == {"container": "stella-agent", "docker_host": "unix:///x", "requests": requests}
    await _agent.rpc(make_context(), "/p", "status", {})
    assert session.calls[-1].args == {"prefix": "/p", "requests": requests}


async def test_the_service_is_the_container(make_context: Callable[..., ActionContext], session: Any) -> None:
    session.answer = lambda call: {"failed": True, "msg": "no", "hint": "do this"}
    context = make_context(stella_agent_platform="docker")
    told = await agent_service.run(context, {"state": "restarted", "enabled": True})
    assert session.calls[-1].module == "agent_container" and session.calls[-1].args["state"] == "restarted"
    assert told["_hint"] == "do this"
    assert await agent_service.run(context, {"enabled": True}) == {"changed": False}


@pytest.mark.parametrize(
    ("answer", "folder"),
    [
        ({"exists": False, "data": None}, None),
        ({"exists": True, "data": "/d/_data", "data_is_here": True}, "/d/_data"),
        ({"exists": True, "data": "/d/_data", "data_is_here": False}, "this host has no folder /d/_data"),
        ({"failed": True, "msg": "no engine"}, "no engine"),
    ],
)
async def test_where_the_data_is(
    make_context: Callable[..., ActionContext], session: Any, answer: dict[str, Any], folder: str | None
) -> None:
    session.answer = lambda call: answer
    if answer.get("failed") or answer.get("data_is_here") is False:
        with pytest.raises(ActionFailure, match=folder):
            await agent_container.data_folder(make_context())
    else:
        assert await agent_container.data_folder(make_context()) == folder
    assert session.calls[-1].check is True
