"""Adds a host to the inventory of the run."""

from __future__ import annotations

from functools import partial
from typing import Any

from stella_ops.actions.base import ActionContext, ActionError, Result

# Every further argument is a variable of the host, so none can be unknown.
ARGUMENTS: dict[str, dict[str, Any]] | None = None
RUN_ONCE = True

_NAMES = ("name", "hostname", "host")
_GROUPS = ("groupname", "groups", "group")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The host, in the groups that are named, with the other arguments as its variables."""
    given = {name: value for name, value in args.items() if name != "_raw_params"}
    name = next((given[key] for key in _NAMES if given.get(key) not in (None, "")), None)
    if name is None:
        raise ActionError("name, host or hostname needs to be provided")
    if not isinstance(name, str | int):
        raise ActionError(f"name must be text, not {type(name).__name__}")
    groups: Any = next((given[key] for key in _GROUPS if given.get(key)), [])
    if isinstance(groups, str):
        groups = groups.split(",")
    if not isinstance(groups, list | tuple):
        raise ActionError("Groups must be specified as a list.", _hint="write groups: [one, two]")
    wanted = list(dict.fromkeys(str(group).strip() for group in groups if str(group).strip()))
    variables = {key: value for key, value in given.items() if key not in (*_NAMES, *_GROUPS) or key == "group"}
    assert context.inventory is not None
    enlist = partial(context.inventory.add_host, str(name), wanted, variables)
    host, _, port = str(name).partition(":") if str(name).count(":") == 1 else (str(name), "", "")
    shown = {**variables, "ansible_ssh_port": int(port)} if port.isdigit() else variables
    told = {"host_name": host, "groups": wanted, "host_vars": shown}
    return {"changed": False, "add_host": told, "_enlist": enlist}
