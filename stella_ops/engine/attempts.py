"""Running an action or module once, or until it did what is wanted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from stella_ops.actions.arguments import settle
from stella_ops.actions.base import Action, ActionContext, ActionError, ActionFailure
from stella_ops.actions.registry import action, action_arguments
from stella_ops.collections.notices import sign
from stella_ops.engine.events import RetryWaiting
from stella_ops.engine.outcome import Result, defect_result, error_result, source_place
from stella_ops.engine.output import Turn
from stella_ops.engine.preparation import Preparation, Prepared
from stella_ops.engine.results import NO_TRACEBACK, finish_result
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.waited_jobs import job_name, wait
from stella_ops.errors import (
    BecomeError,
    InterpreterError,
    InventoryError,
    PlaybookError,
    StellaError,
    TaskTimeoutError,
    TemplateError,
    UnreachableError,
)
from stella_ops.module_kind import Kind
from stella_ops.playbook.keywords import is_template
from stella_ops.playbook.model import Task
from stella_ops.playbook.module_names import full_name
from stella_ops.playbook.refused_actions import refusal

DEFAULT_RETRIES = 3
DEFAULT_DELAY = 5.0
DEFAULT_POLL = 15.0

# The variables of the task with its own result among them.
ScopeWith = Callable[[Result], Mapping[str, Any]]


# ansible-core's words for what a condition made a failure.
_NOTHING_SAID = "Task failed: Action failed: Unknown error."
_NO_FRAME = "Configure `DISPLAY_TRACEBACK` to see a traceback on timeout errors."
_NOT_FOUND = 127  # what a shell says of a program that is not there


class Attempts:
    """Executes prepared tasks."""

    def __init__(self, run: RunContext, preparation: Preparation) -> None:
        self._run = run
        self._preparation = preparation
        self._refused: dict[tuple[str, str], PlaybookError | None] = {}

    async def run(self, task: Task, host: str, turn: Turn, prepared: Prepared, scope_with: ScopeWith) -> Result:
        """The result of a task, after as many attempts as ``until`` and ``retries`` ask for.

        What an action wants to add to the inventory is added when the task has not failed.

        Raises:
            UnreachableError: the host cannot be reached, or is lost.
            TemplateError: ``until`` or ``retries`` cannot be evaluated.
        """
        result = await self._attempts(task, host, turn, prepared, scope_with)
        enlist = result.pop("_enlist", None)
        if enlist is not None and not result["failed"]:
            try:
                changed = enlist()
            except InventoryError as problem:
                result.update(failed=True, msg=problem.message, _hint=problem.hint)
            else:
                result["changed"] = changed if task.changed_when is None else result["changed"]
        return result

    async def _attempts(self, task: Task, host: str, turn: Turn, prepared: Prepared, scope_with: ScopeWith) -> Result:
        """The result of a task.

        Raises:
            UnreachableError: the host cannot be reached, or is lost.
            TemplateError: ``until`` or ``retries`` cannot be evaluated.
        """
        view = prepared.context.variables
        wanted = task.until or task.retries is not None
        retries = int(self._preparation.number("retries", task.retries, view, DEFAULT_RETRIES)) if wanted else 0
        delay = self._preparation.number("delay", task.delay, view, DEFAULT_DELAY, whole=False)
        attempt = 0
        while True:
            attempt += 1
            result, judged = await self._execute(task, prepared.context, prepared.args)
            if not judged:
                return result
            judged = not result.get("skipped")
            if retries <= 0:
                if judged:
                    self._judge(task, result, scope_with(result))
                return result
            result["attempts"] = attempt
            scope = scope_with(result)
            if judged:
                self._judge(task, result, scope)
            if self._satisfied(task, result, scope):
                return result
            if attempt > retries:
                # What ansible-core counts here are the retries.
                result["attempts"] = retries
                result["failed"] = True
                if "msg" not in result:
                    hint = f"the condition of 'until' was not met in {attempt} attempts"
                    result.update(msg=_NOTHING_SAID, _hint=hint)
                return result
            self._run.emit(
                RetryWaiting(
                    time=time.time(),
                    task_id=turn.task_id or 0,
                    host=host,
                    task=str(self._run.scrub(self.title(task, view))),
                    left=retries - attempt + 1,
                    delegate=prepared.target if prepared.target != host else None,
                    delegate_address=prepared.address,
                )
            )
            await asyncio.sleep(max(0.0, delay))

    async def _execute(self, task: Task, context: ActionContext, args: Result) -> tuple[Result, bool]:
        """A result, and whether conditions have a say in it: what was raised is a failure, and the last word."""
        judged = True
        found = action(task.action)
        limit = self._preparation.number("async_val", task.asynchronous, context.variables, 0)
        poll = self._preparation.number("poll", task.poll, context.variables, DEFAULT_POLL) if limit > 0 else 0.0
        try:
            if "_raw_params" in args and not self._takes_text(task):
                named = full_name(task.action, self._run.options.module_folders)
                raise ActionError(f"Task failed: Action '{named}' does not support raw params.")
            if found is not None:
                if limit > 0 and not getattr(found, "SUPPORTS_ASYNC", False):
                    raise ActionError(f"This action ({task.written or task.action}) does not support async.")
                context.asynchronous, context.poll = limit, poll
                if "." in task.action or task.action == "gather_facts":
                    context.told = self._told_others(task, context)
                result = await found.run(context, _settled(found, task.action, args))
            else:
                self._check_allowed(task)
                result = await self._run_module(task, context, dict(args), limit, poll)
                if result.get("deprecations"):
                    sign(result["deprecations"], full_name(task.action, self._run.options.module_folders))
            if result.get("failed"):
                result.setdefault("exception", NO_TRACEBACK)  # a module has one, an action that gives up has none
        except ActionFailure as failure:
            result, judged = failure.result, not isinstance(failure, ActionError)
        except InterpreterError as error:
            # The host is reached: as ansible-core has it, its tasks fail, and may be rescued.
            result = {**error_result(error), "rc": _NOT_FOUND, "module_stdout": "", "module_stderr": error.message}
            if error.hint:
                result["_hint"] = error.hint
        except BecomeError as error:
            # So is a host that refuses another user's privilege.
            result, judged = {**error_result(error), "msg": f"Task failed: {error.message}"}, False
            if error.hint:
                result["_hint"] = error.hint
        except UnreachableError:
            raise
        except TaskTimeoutError as error:
            period = _whole(context.timeout)
            timed_out = {"frame": _NO_FRAME, "period": period}
            result = {**error_result(error), "timedout": timed_out, "_hint": error.advice()}
            result["msg"] = f"Task failed: Timed out after {period} second(s)."
            judged = False
        except StellaError as error:
            result = error_result(error)
            if isinstance(error, TemplateError):
                result["msg"], judged = f"Task failed: {result['msg']}", False
            result["_hint"], result["_where"] = error.advice(), source_place(error)
        except OSError as problem:
            # Files on the controller: a source that cannot be read, a disk that is full.
            result, judged = {"failed": True, "msg": f"on the controller: {problem}"}, False
        except Exception as problem:
            result, judged = defect_result(problem), False
        finally:
            if context.live is not None:
                context.live.end()
        return finish_result(result), judged

    def _check_allowed(self, task: Task) -> None:
        key = (task.action, task.origin.source)
        if key not in self._refused:
            written = task.action if is_template(task.written) else task.written or task.action
            self._refused[key] = refusal(task.action, written, self._run.modules, task.origin)
        refused = self._refused[key]
        if refused is not None:
            raise ActionError(refused.message, _hint=refused.hint)

    def _takes_text(self, task: Task) -> bool:
        spec = self._run.modules.spec(task.action)
        # An index without actions knows the module of an action's name, which may take less.
        return spec is None or spec.free_form is not None or hasattr(action(task.action), "FREE_FORM")

    async def _run_module(self, task: Task, context: ActionContext, args: Result, limit: float, poll: float) -> Result:
        free_form, supports_check = self._run.module_traits(task.action)
        if "_raw_params" in args:
            text = args.pop("_raw_params")
            if free_form is not None:
                args.setdefault(free_form, text)
        if context.check and not supports_check:
            return {"skipped": True, "msg": f"remote module ({task.action}) does not support check mode"}
        told = self._told(task, context)
        if limit <= 0:
            return await context.module(task.action, args, told=told)
        if poll <= 0:
            return await context.module(task.action, args, background={"id": job_name(), "limit": limit}, told=told)
        working = context.module(task.action, args, timeout=limit, told=told)
        return await wait(working, limit, poll, context.environment.get("ANSIBLE_ASYNC_DIR"), context.polled)

    def _told(self, task: Task, context: ActionContext) -> dict[str, Any] | None:
        """What a module that was written for ansible-core is told besides its arguments."""
        found = self._run.foreign_module(task.action)
        if found is None:
            return None
        told = self._told_others(task, context)
        if found.interpreter is not None and found.kind is not Kind.PYTHON:
            told["interpreter"] = context.variables.get(f"ansible_{found.interpreter}_interpreter")
        return told

    def _told_others(self, task: Task, context: ActionContext) -> dict[str, Any]:
        variables = context.variables
        hide = self._preparation.hides(task, variables)
        told: dict[str, Any] = {"version": variables["ansible_version"]["full"]}
        told["settings"] = {"verbosity": self._run.options.verbosity, "no_log": hide}
        if "ansible_remote_tmp" in variables:
            told["settings"]["remote_tmp"] = variables["ansible_remote_tmp"]
        return told

    def _judge(self, task: Task, result: Result, scope: Mapping[str, Any]) -> None:
        """``changed_when`` and ``failed_when`` decide over what the module said."""
        keyword, holds = "changed_when", self._holds
        try:
            if task.changed_when is not None:
                result["changed"] = holds(keyword, task.changed_when, scope)
            keyword = "failed_when"
            if task.failed_when is not None:
                result["failed"] = result["failed_when_result"] = holds(keyword, task.failed_when, scope)
                if result["failed"]:
                    result.setdefault("msg", _NOTHING_SAID)
                suppressed = None if result["failed"] else result.pop("exception", None)
                if suppressed is not None:
                    result["failed_when_suppressed_exception"] = suppressed
        except TemplateError as error:
            # The module has run, and what it did must not be lost for a mistake in judging it.
            result.update(failed=True, changed=result.get("changed", False))
            result.setdefault("msg", _NOTHING_SAID)
            result[f"{keyword}_result"] = error.message
            result["_hint"], result["_where"] = error.advice(), source_place(error)

    def _holds(self, keyword: str, conditions: list[Any], scope: Mapping[str, Any]) -> bool:
        return bool(conditions) and all(self._run.templar.evaluate(c, scope, what=keyword) for c in conditions)

    def _satisfied(self, task: Task, result: Result, scope: Mapping[str, Any]) -> bool:
        if not task.until:
            return not result.get("failed")
        return all(self._run.templar.evaluate(c, scope, what="until") for c in task.until)

    def title(self, task: Task, view: Mapping[str, Any]) -> str:
        """A task's own name, without its role's, rendered as far as it can be."""
        named = task.name or task.title
        try:
            return str(self._run.templar.render(named, view))
        except TemplateError:
            return str(named)


def _whole(seconds: float) -> float:
    """A number as it was written: 5, not 5.0."""
    return int(seconds) if seconds == int(seconds) else seconds


def _settled(found: Action, name: str, args: Result) -> Result:
    """The arguments of an action, as it takes them; see ``settle``."""
    told, answered = getattr(found, "MISSING", None), getattr(found, "ANSWERED", ())
    return settle(action_arguments(name), args, name=name, refusal=told, answered=answered)
