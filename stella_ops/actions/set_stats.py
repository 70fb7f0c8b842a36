"""Custom statistics of a run."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionError, ActionFailure, Result
from stella_ops.booleans import says_yes

ARGUMENTS: dict[str, dict[str, Any]] = {
    "data": {"type": "raw"},
    "per_host": {"type": "raw", "default": False},  # what is neither yes nor no means no
    "aggregate": {"type": "raw", "default": True},
}
TEMPLATED_NAMES = "data"


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``data`` as ``ansible_stats``."""
    data = args.get("data") or {}
    if not isinstance(data, dict):
        raise ActionFailure("The 'data' option needs to be a dictionary/hash")
    for name in data:
        if not str(name).isidentifier():
            raise ActionError(f"Task failed: Invalid variable name {str(name)!r}.")
    aggregate = args.get("aggregate")
    stats = {
        "data": data,
        "per_host": says_yes(args.get("per_host")),
        "aggregate": aggregate is None or says_yes(aggregate),
    }
    return {"changed": False, "ansible_stats": stats}
