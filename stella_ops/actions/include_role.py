"""The controller's half of ``include_role``: which role, and which of its files; the engine reads and runs it."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "aliases": ["role"], "required": True},
    "apply": {"type": "dict"},
    "tasks_from": {"type": "str"},
    "vars_from": {"type": "str"},
    "defaults_from": {"type": "str"},
    "handlers_from": {"type": "str"},
    "public": {"type": "bool"},
    "allow_duplicates": {"type": "bool"},
    "rolespec_validate": {"type": "bool"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The arguments as ``include_args``."""
    if not args.get("name"):
        raise ActionFailure("'name' is a required field for include_role.")
    return {"include_args": {name: value for name, value in args.items() if value is not None}}
