"""Shows in what two values differ."""

from __future__ import annotations

import copy
import re
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result
from stella_ops.actions.collected._sub_plugins import load, options_of, running, to_nobody

ARGUMENTS: dict[str, dict[str, Any]] = {
    "before": {"type": "raw", "required": True, "doc": "The one value."},
    "after": {"type": "raw", "required": True, "doc": "The other."},
    "plugin": {
        "type": "dict",
        "default": {},
        "doc": "name of the plug-in that compares (ansible.utils.native), and vars for it: skip_lines, a list of "
        "regular expressions of lines to leave out.",
    },
}
SUPPORTS_ASYNC = True
_NATIVE = "ansible.utils.native"
_COLOUR = re.compile(r"\x1B[@-_][0-?]*[ -/]*[@-~]")


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """``diff_text`` and ``diff_lines``; the difference is shown whether or not that was asked for (``--diff``)."""
    plugin = options_of(context, args.get("plugin"), what="plugin", known=("name", "vars"))
    told = options_of(context, plugin.get("vars"), what="vars", known=("skip_lines",))
    if told.get("skip_lines") is not None:
        told["skip_lines"] = _texts(told["skip_lines"])
    name = str(plugin.get("name") or _NATIVE)
    if name.count(".") != 2:
        raise ActionFailure("Plugin name should be provided as a full name including collection")
    made = load("fact_diff", name, "FactDiff", failure="Error loading plugin '{name}'")
    given = copy.deepcopy({"before": args["before"], "after": args["after"]})
    with running(f"plugin '{name}'"):
        compared = made(
            task_args={**given, "plugin": {"name": name, "vars": told}}, task_vars=context.variables, debug=to_nobody
        ).diff()
    if "errors" in compared:
        raise ActionFailure(compared["errors"])
    difference = str(compared["diff"])
    plain = _COLOUR.sub("", difference)
    context.diff = True
    return {
        "changed": bool(difference),
        "diff": {"prepared": difference},
        "diff_lines": plain.splitlines(),
        "diff_text": plain,
    }


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [str(value)]
    if not isinstance(value, list | tuple):
        raise ActionFailure(
            f"argument 'skip_lines' is of type {type(value).__name__} found in 'plugin -> vars' and we were unable to "
            f"convert to list: {value!r}"
        )
    return [str(each) for each in value]
