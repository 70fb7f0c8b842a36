"""Checks the variables of a host against an argument specification, such as a role's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.actions._agent import variable
from stella_ops.actions.argument_specs import problems_of
from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "argument_spec": {"type": "dict", "required": True},
    "provided_arguments": {"type": "dict"},
    "validate_args_context": {"type": "dict"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """What is given wins over variables of the same names; other variables do not matter."""
    spec = args["argument_spec"]
    if not isinstance(spec, Mapping):
        raise ActionFailure("Incorrect type for argument_spec, expected dict")
    for name, each in spec.items():
        if not isinstance(each, Mapping | None):
            raise ActionFailure(f"Incorrect type for argument_spec of '{name}', expected dict")
    given = {name: variable(context, name) for name in spec if name in context.variables}
    given.update(args.get("provided_arguments") or {})
    where = args.get("validate_args_context") or {}
    problems = problems_of(spec, given)
    if problems:
        raise ActionFailure(
            "Validation of arguments failed:\n" + "\n".join(problems),
            argument_errors=problems,
            argument_spec_data=spec,
            validate_args_context=where,
        )
    return {"changed": False, "msg": "The arg spec validation passed", "validate_args_context": where}
