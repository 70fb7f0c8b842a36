"""Fails unless all conditions hold."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionError, ActionFailure, Result
from stella_ops.templating.undefined import kind_of

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
    for name in ("fail_msg", "msg", "success_msg"):
        if name in args:
            _check_text("fail_msg" if name == "msg" else name, args[name])
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


def _check_text(name: str, said: Any) -> None:
    """Refuse what is neither text nor a list of texts."""
    if isinstance(said, str) or (isinstance(said, list) and all(isinstance(one, str) for one in said)):
        return
    raise ActionError(
        f"argument '{name}' is of type {kind_of(said)} and we were unable to convert to str_or_list_of_str: "
        "a string or list of strings is required"
    )
