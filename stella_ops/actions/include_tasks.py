"""The controller's half of ``include_tasks``: which file; the engine reads and runs it."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "file": {"type": "str"},
    "apply": {"type": "dict"},
}
FREE_FORM = "file"


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """The name as ``include``."""
    name = args.get("file") or args.get("_raw_params")
    if not name:
        raise ActionFailure("No include file was specified to the include")
    return {"include": str(name), "include_args": {}}
