"""Fails unless all conditions hold."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "that": {"type": "raw", "required": True},
    "fail_msg": {"type": "raw", "aliases": ["msg"]},
    "success_msg": {"type": "raw"},
    "quiet": {"type": "bool", "default": False},
}

# The conditions are expressions: rendering them first would turn them into their own results.
UNRENDERED = frozenset({"that"})


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The first condition that does not hold is named."""
    conditions = args["that"] if isinstance(args["that"], list) else [args["that"]]
    failed = args.get("fail_msg", args.get("msg"))
    if failed is not None and not isinstance(failed, str | list):
        kind = type(failed).__name__
        raise ActionFailure(
            f"argument 'fail_msg' is of type {kind} and we were unable to convert to str_or_list_of_str: "
            "a string or list of strings is required"
        )
    loud = not args.get("quiet")
    for condition in conditions:
        if not context.templar.evaluate(condition, context.variables, what="that"):
            raise ActionFailure(
                failed if failed is not None else "Assertion failed",
                assertion=condition if isinstance(condition, bool) else str(condition),
                evaluated_to=False,
                _ansible_verbose_always=loud,
            )
    said = args["success_msg"] if args.get("success_msg") is not None else "All assertions passed"
    return {"msg": said, "_ansible_verbose_always": loud}
