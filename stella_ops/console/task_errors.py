"""What stands above a failed task's result: the words and the place, as ansible-core 2.19 tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stella_ops.console.text import safe_line

_PLACE = re.compile(r"(?P<file>.+?):(?P<rest>\d+(?::\d+)?)")
# Their failures are the controller's own.
_ACTIONS = frozenset(
    {"fail", "assert", "debug", "set_fact", "include_vars", "add_host", "group_by", "pause", "validate_argument_spec"}
)


def headline(result: Mapping[str, Any], action: str, where: str | None) -> str:
    """``[ERROR]: Task failed: …``, in one line.

    Args:
        result: of the task, redacted.
        action: its module or action.
        where: the place in a template or file that the failure comes from.
    """
    verdict = result.get("failed_when_result") or result.get("changed_when_result")
    said = str((verdict if isinstance(verdict, str) else None) or result.get("msg") or "").strip().split("\n", 1)[0]
    if is_of_include(result):
        return f"[ERROR]: {safe_line(result['reason'])}"
    if "censored" in result:
        return "[ERROR]: Task failed"
    if not said:
        return "[ERROR]: Task failed: Action failed." if "msg" in result else "[ERROR]: Task failed"
    if said.startswith("Task failed: "):
        return f"[ERROR]: {safe_line(said)}"
    if where is not None and not result.get("unreachable"):
        return f"[ERROR]: {safe_line(said)}"  # what a loop is over
    if not result.get("unreachable"):
        short = action.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
        said = f"{'Action' if short in _ACTIONS else 'Module'} failed: {said}"
    return f"[ERROR]: Task failed: {safe_line(said)}"


def is_of_include(result: Mapping[str, Any]) -> bool:
    """Whether a failure is that of an include whose file or role cannot be read."""
    return not result.get("msg") and "censored" not in result and isinstance(result.get("reason"), str)


def absolute(place: str) -> str:
    """A place with the whole path of its file."""
    found = _PLACE.fullmatch(place)
    return f"{Path(found['file']).absolute()}:{found['rest']}" if found else place


def task_path(place: str) -> str:
    """A place as ``-vv`` tells it: the whole path and the line."""
    found = _PLACE.fullmatch(place)
    return f"{Path(found['file']).absolute()}:{found['rest'].partition(':')[0]}" if found else place
