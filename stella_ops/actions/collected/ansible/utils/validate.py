"""Checks data by rules: a JSON schema, or what another engine reads."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, Result
from stella_ops.actions.collected._sub_plugins import load, running
from stella_ops.templating.lazy import finalize

ARGUMENTS: dict[str, dict[str, Any]] = {
    "data": {"type": "raw", "required": True, "doc": "What to check."},
    "criteria": {"type": "raw", "required": True, "doc": "The rules, as the engine wants them."},
    "engine": {
        "type": "str",
        "default": "ansible.utils.jsonschema",
        "doc": "Which plug-in checks; its options are variables and variables of the environment.",
    },
}
_FOUND = "Validation errors were found."


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``errors`` where there are some; the task fails then."""
    name = str(args.get("engine") or ARGUMENTS["engine"]["default"])
    failure = "For engine '{name}' error loading the corresponding validate plugin"
    made = load("validate", name, "Validate", failure=failure)
    with running(f"validator '{name}'"):
        engine = made(data=args["data"], criteria=args["criteria"], engine=name, plugin_vars=context.variables)
        told = finalize(engine.validate())
    errors, warnings = told.get("errors"), told.get("warnings")
    result: Result = {"msg": "All checks passed."}
    if warnings:
        result.update(warnings=warnings, msg="Non-fatal validation errors were found.")
    if errors:
        result.update(errors=errors, failed=True, msg=f"{_FOUND}\n{told['msg']}" if "msg" in told else _FOUND)
    return result
