"""Shuts a host down, which is not waited for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from stella_ops.actions._powering import give, look_for, texts
from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "delay": {"type": "int", "default": 0, "doc": "seconds before it; shutdown(8) counts whole minutes"},
    "msg": {"type": "str", "default": "Shut down initiated by Ansible", "doc": "what users are told"},
    "search_paths": {
        "type": "list",
        "elements": "path",
        "default": ["/sbin", "/usr/sbin", "/usr/local/sbin"],
        "doc": "folders in which shutdown is looked for",
    },
}
_SYSTEMCTL_PLACES = ["/bin", "/usr/bin"]
# By distribution or family: the program, and its arguments.
_OTHERS = {
    "alpine": ("poweroff", ""),
    "void": ("shutdown", "-h +{minutes} {message}"),
    "freebsd": ("shutdown", "-p +{seconds}s {message}"),
    "openbsd": ("shutdown", "-h +{minutes} {message}"),
    "macosx": ("shutdown", "-h +{minutes} {message}"),
    "solaris": ("shutdown", "-y -g {seconds} -i 5 {message}"),
    "aix": ("shutdown", "-Fh"),
}
_USUAL = ("shutdown", "-h {minutes} {message}")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``shutdown``, and the ``shutdown_command`` that was given."""
    if context.session.spec.kind == "local" and not context.check:
        raise ActionFailure(
            f"Running {context.action} with local connection would shutdown the control node.",
            changed=False,
            elapsed=0,
            shutdown=False,
        )
    context.alone()
    command = await _command(context, args)
    done = None if context.check else await give(context, command)
    if done is not None and done.status > 0:
        said, trouble = texts(done)
        raise ActionFailure(f"Shutdown command failed. Error was {said}, {trouble}", shutdown=False)
    return {"changed": True, "shutdown": True, "shutdown_command": command}


async def _command(context: ActionContext, args: dict[str, Any]) -> str:
    """The command line that shuts the host down."""
    program, words = await _known(context)
    places = [str(place) for place in args.get("search_paths") or ARGUMENTS["search_paths"]["default"]]
    path = await look_for(context, [program], places)
    if path is None:
        path = await look_for(context, ["systemctl"], _SYSTEMCTL_PLACES)
        if path is None:
            raise ActionFailure(
                f'Could not find command "{program}" in search paths: {places} or systemctl command in search paths: '
                f"{_SYSTEMCTL_PLACES}, unable to shutdown."
            )
        return f"{shlex.quote(path)} poweroff"
    seconds = max(0, args.get("delay") or 0)
    message = shlex.quote(args.get("msg") or ARGUMENTS["msg"]["default"])
    return f"{shlex.quote(path)} {words.format(seconds=seconds, minutes=seconds // 60, message=message)}".rstrip()


async def _known(context: ActionContext) -> tuple[str, str]:
    """Program and arguments of the host's kind, by facts that are known or asked for."""
    facts = context.variables.get("ansible_facts")
    if not isinstance(facts, Mapping) or "os_family" not in facts:
        answer = await context.module("setup", {"gather_subset": ["min"]}, check=False)
        if answer.get("failed"):
            raise ActionFailure(f"Failed to determine system distribution. {answer.get('msg')}")
        told = answer.get("ansible_facts") or {}
        facts = {name.removeprefix("ansible_"): value for name, value in told.items()}
    names = [str(facts.get(name, "")).lower() for name in ("distribution", "os_family")]
    return next((_OTHERS[name] for name in names if name in _OTHERS), _USUAL)
