"""Puts hosts into groups that are named by their variables."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result

MISSING = "the 'key' param is required when using group_by"
ANSWERED = frozenset({"missing"})
ARGUMENTS: dict[str, dict[str, Any]] = {
    "key": {"type": "str", "required": True},
    "parents": {"type": "raw"},
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The host becomes a member of the group ``key``, which is below ``parents`` (``all``)."""
    name = str(args["key"]).replace(" ", "-")
    above = args.get("parents") or ["all"]
    # Text is one name, commas and all.
    parents = [str(parent).replace(" ", "-") for parent in (above if isinstance(above, list) else [above])]
    if not name:
        raise ActionFailure(MISSING)
    inventory = context.inventory
    assert inventory is not None

    def enlist() -> bool:
        made = inventory.add_group(name, parents)
        return inventory.join(context.host, name) or made

    return {"changed": False, "add_group": name, "parent_groups": parents, "_enlist": enlist}
