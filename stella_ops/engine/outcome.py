"""What one task did on one host, and how the outcomes of a loop's items become one."""

from __future__ import annotations

import traceback
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from stella_ops.engine.events import Status
from stella_ops.engine.results import CENSORED, NO_TRACEBACK, SKIPPED
from stella_ops.errors import (
    BecomeError,
    LoopError,
    ParseError,
    PkiError,
    ReleaseError,
    StellaError,
    StoreError,
    TemplateError,
    UnreachableError,
)

Result = dict[str, Any]
_WARNED = ("warnings", "deprecations")
_NOT_REACHED = "Failed to connect to the host via ssh"
Addition = Literal["facts", "variables", "included"]


@dataclass(slots=True)
class Outcome:
    """What one task did on one host.

    Attributes:
        result: the full result, as ``register`` keeps it.
        shown: the result as events may carry it (censored under ``no_log``).
        notify: handler names to notify, rendered.
        label: how an item of a loop is shown; ``labels`` has those of all items.
        ignored: an item of a loop that failed, or could not be reached, and counts as well all the same.
        additions: what to add to what is known of the host: (facts, variables or included, values, the host that the
            task or item was delegated to).
        where: the place in a file of the operator's that a failure comes from.
        arguments: those of a task that failed, rendered.
        delegate_address: where the inventory says that the delegate is, if it does.
        recalled: it did not happen now, but in the run that this one goes on with.
    """

    status: Status
    result: Result
    shown: Result
    looped: bool = False
    notify: list[str] = field(default_factory=list)
    additions: list[tuple[Addition, Result, str | None]] = field(default_factory=list)
    hint: str | None = None
    where: str | None = None
    delegate: str | None = None
    delegate_address: str | None = None
    duration: float = 0.0
    label: Any = None
    labels: list[Any] = field(default_factory=list)
    arguments: Result | None = None
    recalled: bool = False
    ignored: bool = False

    def registered(self) -> Result:
        """The result as a variable has it: the arguments are told by items of loops alone."""
        if self.looped or "invocation" not in self.result:
            return self.result
        return {name: value for name, value in self.result.items() if name != "invocation"}

    def censor(self) -> None:
        """Leave nothing to show but whether it went well (``no_log``)."""
        self.shown = censored(self.shown)
        self.hint = self.where = None


def censored(result: Result) -> Result:
    """What may be shown of a result under ``no_log``."""
    told = ("attempts", "retries", "changed", "failed", "skipped", "unreachable")
    kept: Result = {name: result[name] for name in told if name in result}
    return {"censored": CENSORED, **kept, "_ansible_verbose_always": False}


def skipped(reason: Result) -> Outcome:
    """A task that had nothing to do."""
    result = {**SKIPPED, **reason}
    return Outcome("skipped", result, dict(result))


def unreachable(error: UnreachableError, delegate: str | None = None) -> Outcome:
    """A host, or the delegate of its task, that cannot be reached."""
    said = error.message if isinstance(error, BecomeError) else f"{_NOT_REACHED}: {error.message}"
    result: Result = {"unreachable": True, "changed": False, "msg": said}
    return Outcome("unreachable", result, dict(result), hint=error.hint, delegate=delegate)


def failed(error: StellaError, delegate: str | None = None) -> Outcome:
    """A failure that an error tells of, on a host or before its delegate was asked."""
    result = {**error_result(error), "exception": NO_TRACEBACK}
    if isinstance(error, LoopError):
        del result["changed"]
    else:
        result["msg"] = f"Task failed: {result['msg']}"
    where = source_place(error)
    return Outcome("failed", result, dict(result), hint=error.advice(), where=where, delegate=delegate)


def source_place(error: StellaError) -> str | None:
    """The place in a file of the operator's that an error names; no host has a say in it."""
    return error.where if isinstance(error, TemplateError | ParseError) else None


def error_result(error: StellaError) -> Result:
    """An error as the result of a task."""
    # Which file of the controller's is broken stands nowhere else; a place in a playbook is told beside the message.
    text = str(error) if isinstance(error, PkiError | StoreError | ReleaseError) else error.message
    return {"failed": True, "changed": False, "msg": text}


def defect(problem: Exception) -> Outcome:
    """An exception that nobody foresaw: this host fails, the others go on."""
    shown = defect_result(problem)
    hint = shown.pop("_hint")
    return Outcome("failed", {**shown, "exception": NO_TRACEBACK}, shown, hint=hint)


def defect_result(problem: Exception) -> Result:
    """As ``defect``; the traceback is shown with ``-vvv`` only."""
    said = f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__
    return {
        "failed": True,
        "changed": False,
        "msg": f"a defect in stella-ops: {said}",
        "exception": "".join(traceback.format_exception(problem)),
        "_hint": "run it again with -vvv and report what it prints; other hosts are not affected",
    }


def _taken_up(results: list[Result]) -> Result:
    """Results of a loop's items, and what they warn of, which is the loop's own then."""
    taken: Result = {}
    for key in _WARNED:
        found = [result[key] for result in results if result.get(key)]
        if found:
            taken[key] = [one for each in found for one in (each if isinstance(each, list | tuple) else [each])]
    if taken:
        results = [{k: v for k, v in result.items() if k not in _WARNED or not v} for result in results]
    return {**taken, "results": results}


def combine(outcomes: Collection[Outcome]) -> Outcome:
    """The result of a loop, in ansible-core's shape."""
    result: Result = {
        "changed": any(o.result.get("changed") for o in outcomes),
    }
    status: Status
    if not outcomes:
        result.update(skipped=True, skipped_reason="No items in the list")
        status = "skipped"
    elif any(o.status == "failed" for o in outcomes):
        result.update(failed=True, msg="One or more items failed", skipped=False)
        status = "failed"
    elif any(o.status == "unreachable" for o in outcomes):
        result.update(unreachable=True, msg="All items completed", skipped=False)
        status = "unreachable"
    elif all(o.status == "skipped" for o in outcomes):
        result.update(skipped=True, msg="All items skipped")
        status = "skipped"
    else:
        result.update(msg="All items completed", skipped=False)
        status = "changed" if result["changed"] else "ok"
    of_all, shown = _taken_up([o.result for o in outcomes]), _taken_up([o.shown for o in outcomes])
    made = Outcome(status, {**of_all, **result}, {**shown, **result}, looped=True)
    if status == "changed":
        made.notify = list(dict.fromkeys(name for o in outcomes for name in o.notify))
    made.additions = [addition for o in outcomes for addition in o.additions]
    made.labels = [o.label for o in outcomes]
    fallen = [o.ignored for o in outcomes if o.status in ("failed", "unreachable")]
    made.ignored = bool(fallen) and all(fallen)
    made.hint = next((o.hint for o in outcomes if o.hint), None)
    made.where = next((o.where for o in outcomes if o.where), None)
    delegated = next((o for o in outcomes if o.delegate), None)
    if delegated is not None:
        made.delegate, made.delegate_address = delegated.delegate, delegated.delegate_address
    return made
