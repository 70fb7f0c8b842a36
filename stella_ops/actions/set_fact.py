"""Sets variables of a host for the rest of the run."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionError, Result
from stella_ops.booleans import says_yes
from stella_ops.playbook.keywords import is_identifier

TEMPLATED_NAMES = ""
# Every argument is a variable, so none can be unknown.
ARGUMENTS: dict[str, dict[str, Any]] | None = None


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The arguments, but ``cacheable``, become variables; with ``cacheable: true`` facts as well."""
    values = {name: value for name, value in args.items() if name != "cacheable"}
    if not values:
        raise ActionError("No key/value pairs provided, at least one is required for this action to succeed")
    for name in values:
        if not is_identifier(name):
            raise ActionError(f"Task failed: Invalid variable name {name!r}.")
    cacheable = says_yes(args.get("cacheable", False))
    return {"ansible_facts": values, "_variables": True, "_cacheable": cacheable}
