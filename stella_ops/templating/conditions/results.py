"""What a task's registered result says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.templating.undefined import kind_of


def _said(result: Any, key: str, test: str) -> bool:
    if not isinstance(result, Mapping):
        raise TemplateError(
            f"The '{test}' test expects a dictionary",
            hint="use the variable that 'register' names",
        )
    return bool(result.get(key, False))


def failed(result: Any) -> bool:
    """The task failed."""
    return _said(result, "failed", "failed")


def succeeded(result: Any) -> bool:
    """The task did not fail."""
    return not _said(result, "failed", "succeeded")


def changed(result: Any) -> bool:
    """The task changed something; of a loop, any of its items."""
    if isinstance(result, Mapping) and "changed" not in result and isinstance(result.get("results"), list):
        return any(isinstance(item, Mapping) and item.get("changed", False) for item in result["results"])
    return _said(result, "changed", "changed")


def skipped(result: Any) -> bool:
    """The task was skipped."""
    return _said(result, "skipped", "skipped")


def unreachable(result: Any) -> bool:
    """The host could not be reached."""
    return _said(result, "unreachable", "unreachable")


def reachable(result: Any) -> bool:
    """The host could be reached."""
    return not _said(result, "unreachable", "reachable")


def timedout(result: Any) -> bool:
    """The task failed because its time was over."""
    said = result.get("timedout", False) if isinstance(result, Mapping) else _said(result, "timedout", "timedout")
    if said and not isinstance(said, Mapping):
        raise TemplateError(f"'is timedout' asks about the result of a task, whose 'timedout' is not {kind_of(said)}")
    return bool(said and said.get("period"))


def started(result: Any) -> bool:
    """An ``async`` task was started; a task without ``async`` always was."""
    return _said(result, "started", "started") if not _without(result, "started") else True


def finished(result: Any) -> bool:
    """An ``async`` task came to its end; a task without ``async`` always has."""
    return _said(result, "finished", "finished") if not _without(result, "finished") else True


def _without(result: Any, key: str) -> bool:
    return isinstance(result, Mapping) and key not in result


CONDITIONS = {
    "failed": failed,
    "failure": failed,
    "success": succeeded,
    "succeeded": succeeded,
    "successful": succeeded,
    "changed": changed,
    "change": changed,
    "skipped": skipped,
    "skip": skipped,
    "unreachable": unreachable,
    "reachable": reachable,
    "timedout": timedout,
    "started": started,
    "finished": finished,
}
