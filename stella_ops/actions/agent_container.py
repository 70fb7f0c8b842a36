"""Runs the agent as a container on a host that has a Docker engine; the image comes from the controller.

The image is a file that ``stella-ops release image`` made (variable ``stella_agent_image``), or is made now from
``stella_agent_image_base`` or ``stella_agent_rootfs``. No registry is asked, neither here nor on the host.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.actions._agent import hinted, named_container, variable
from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file, well
from stella_ops.errors import ReleaseError

if TYPE_CHECKING:
    from stella_ops.releases.images import ImageFile

ARGUMENTS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["started", "stopped", "restarted", "absent"], "default": "started"},
    "image": {"type": "path"},
    "container": {"type": "str"},
    "docker_host": {"type": "str"},
    "volume": {"type": "str"},
    "network": {"type": "str"},
    "memory": {"type": "str"},
    "pids": {"type": "int"},
    "labels": {"type": "dict"},
    "wait": {"type": "float"},
    "remove_image": {"type": "bool", "default": False},
    "remove_volume": {"type": "bool", "default": False},
}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)i?b?\Z", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """A host whose container is as wanted is left alone, and no image is sent to one that has it."""
    wanted = settings(context, args)
    state = args.get("state") or "started"
    if state == "stopped":
        return hinted(await context.module("agent_container", {**wanted, "state": state}))
    if state == "absent":
        removals = {name: bool(args.get(name)) for name in ("remove_image", "remove_volume")}
        return hinted(await context.module("agent_container", {**wanted, **removals, "state": state}))
    file = await _image(context, args)
    if file is None:
        return {"changed": True, "msg": "the image would be made, and the container with it"}
    content = await context.sources.file(file.path)
    wanted.update(
        state=state,
        image_ids=list(file.ids),
        tag=file.tags[0] if file.tags else None,
        version=file.version,
        architecture=file.architecture,
        sha256=content.sha256,
    )
    return hinted(await context.module("agent_container", wanted, content=content))


def settings(context: ActionContext, args: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the module is told of the container whatever is to be done; arguments win over variables."""
    args = args or {}
    boxed = named_container(context)

    def given(argument: str, name: str) -> Any:
        value = args.get(argument)
        return variable(context, name) if value is None else value

    wanted = {
        "name": args.get("container") or boxed.name,
        "docker_host": args.get("docker_host") or boxed.engine,
        "volume": given("volume", "stella_agent_volume") or f"{args.get('container') or boxed.name}-data",
        "network": given("network", "stella_agent_network"),
        "memory": _bytes(given("memory", "stella_agent_memory")),
        "pids": given("pids", "stella_agent_pids"),
        "labels": given("labels", "stella_agent_container_labels"),
        "wait": given("wait", "stella_container_timeout"),
    }
    return {name: value for name, value in wanted.items() if value is not None}


async def _image(context: ActionContext, args: dict[str, Any]) -> ImageFile | None:
    """The image's file: the one that is named, else the project's own, which is made when it can be.

    None under check mode when it would have to be made: nothing is made then, not even on the controller.
    """
    fleet = context.the_fleet()
    named = args.get("image") or variable(context, "stella_agent_image")
    if named:
        path: Path | None = find_file(context, "files", str(named))
        base = rootfs = None
    else:
        path = None
        base = variable(context, "stella_agent_image_base")
        rootfs = variable(context, "stella_agent_rootfs")
    if context.check and (base or rootfs):
        try:
            return await fleet.call(fleet.agent_image, None)
        except ReleaseError:
            return None
    return await fleet.call(
        fleet.agent_image, path, base=str(base) if base else None, rootfs=Path(str(rootfs)) if rootfs else None
    )


def _bytes(value: Any) -> int | None:
    """Bytes of a size such as ``256m``, ``1GiB`` or a plain number.

    Raises:
        ActionFailure: it is no size.
    """
    if value is None:
        return None
    found = _SIZE.match(str(value).strip())
    if not found:
        raise ActionFailure(f"memory '{value}' is not a size", _hint="write it like 256m or 1g")
    return int(float(found[1]) * _UNITS[found[2].lower()])


async def bring_to(context: ActionContext, args: dict[str, Any]) -> Result:
    """What ``agent_service`` means for a container: it is there already, and is started, stopped or restarted."""
    wanted = settings(context)
    state = args.get("state")
    if state is None:  # it comes back with the engine, whatever "enabled" says
        return {"changed": False}
    return hinted(await context.module("agent_container", {**wanted, "state": state}))


async def remove(context: ActionContext, *, keep_data: bool) -> Result:
    """What ``agent_remove`` means for a container: it goes with its image, and its volume unless that is kept."""
    wanted = {**settings(context), "state": "absent", "remove_image": True, "remove_volume": not keep_data}
    return await context.module("agent_container", wanted)


async def data_folder(context: ActionContext) -> str | None:
    """The folder of the host that the agent's data is in, as its engine tells; None without a container.

    Raises:
        ActionFailure: the engine cannot be asked, or is not of this host (a virtual machine, another container).
    """
    wanted = {**settings(context), "state": "described"}
    answer = well(hinted(await context.module("agent_container", wanted, check=True)))
    data = answer.get("data")
    if isinstance(data, str) and not answer.get("data_is_here"):
        raise ActionFailure(f"the engine keeps its data elsewhere: this host has no folder {data}")
    return data if isinstance(data, str) else None
