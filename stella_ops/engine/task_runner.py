"""One task on one host: conditions, loop, retries, the action itself, and what becomes of its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure
from stella_ops.actions.registry import action
from stella_ops.engine import connections
from stella_ops.engine.events import ItemFinished, RetryWaiting, Status
from stella_ops.engine.results import CENSORED, SKIPPED, finish_result, is_true
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.variables import PlayVariables
from stella_ops.errors import StellaError, TemplateError, UnreachableError
from stella_ops.playbook.model import Task
from stella_ops.templating.omit import drop_omitted

Result = dict[str, Any]

DEFAULT_RETRIES = 3
DEFAULT_DELAY = 5.0


@dataclass(slots=True)
class Outcome:
    """What one task did on one host.

    Attributes:
        result: the full result, as ``register`` keeps it.
        shown: the result as events may carry it (censored under ``no_log``).
        notify: handler names to notify, rendered.
        variables: facts or variables to add: (is a variable, values).
    """

    status: Status
    result: Result
    shown: Result
    looped: bool = False
    notify: list[str] = field(default_factory=list)
    additions: list[tuple[bool, Result]] = field(default_factory=list)
    hint: str | None = None
    delegate: str | None = None
    duration: float = 0.0


class TaskRunner:
    """Runs the tasks of one play.

    Args:
        run: what the whole run shares.
        variables: of this play.
        search_path: folders for files and templates.
    """

    def __init__(self, run: RunContext, variables: PlayVariables, search_path: list[Path]) -> None:
        self._run = run
        self._variables = variables
        self._search_path = search_path

    async def run(self, task: Task, host: str, task_id: int) -> Outcome:
        """Run a task on a host. Never raises for what goes wrong on the host."""
        started = time.monotonic()
        variables = self._variables.of(host, task)
        secret = False
        try:
            secret = self._flag(task.inherited.no_log, variables)
            outcome = await self._run_items(task, host, task_id, variables, secret)
        except UnreachableError as error:
            outcome = _unreachable(error)
            if self._flag_or(task.inherited.ignore_unreachable, variables):
                outcome.status = "ignored"
        except StellaError as error:
            outcome = Outcome("failed", *_error_result(error), hint=error.hint)
        if secret:
            outcome.shown = _censor(outcome.shown)
            outcome.hint = None
        if outcome.status == "failed" and self._flag_or(task.inherited.ignore_errors, variables):
            outcome.status = "ignored"
        outcome.duration = time.monotonic() - started
        return outcome

    # -- items

    async def _run_items(
        self, task: Task, host: str, task_id: int, variables: Mapping[str, Any], secret: bool
    ) -> Outcome:
        if task.loop is None:
            return await self._run_one(task, host, task_id, variables, secret)
        try:
            items = self._items(task, variables)
        except TemplateError:
            # A loop over what a false condition guards against is no error.
            if not self._condition(task.inherited.when, variables)[0]:
                return _skipped({"skip_reason": "Conditional result was False"})
            raise
        outcomes: list[Outcome] = []
        for index, item in enumerate(items):
            if index and task.loop_pause:
                await asyncio.sleep(float(self._run.templar.render(task.loop_pause, variables)))
            outcomes.append(await self._run_item(task, host, task_id, variables, secret, index, item))
        return _combine(outcomes)

    async def _run_item(
        self,
        task: Task,
        host: str,
        task_id: int,
        variables: Mapping[str, Any],
        secret: bool,
        index: int,
        item: Any,
    ) -> Outcome:
        extra: dict[str, Any] = {task.loop_var: item, "ansible_loop_var": task.loop_var}
        if task.loop_index_var:
            extra[task.loop_index_var] = index
        scope = self._variables.of(host, task, extra)
        try:
            outcome = await self._run_one(task, host, task_id, scope, secret)
        except UnreachableError:
            raise
        except StellaError as error:
            outcome = Outcome("failed", *_error_result(error), hint=error.hint)
        for result in (outcome.result, outcome.shown):
            result[task.loop_var] = item
            result["ansible_loop_var"] = task.loop_var
        label = item
        if task.loop_label is not None:
            label = self._run.templar.render(task.loop_label, scope)
        shown = _censor(outcome.shown) if secret else outcome.shown
        ignored = outcome.status == "failed" and self._flag_or(task.inherited.ignore_errors, scope)
        self._run.emit(
            ItemFinished(
                time=time.time(),
                task_id=task_id,
                host=host,
                status="ignored" if ignored else outcome.status,
                item="(censored due to no_log)" if secret else label,
                result=self._run.scrub(shown),
                delegate=outcome.delegate,
            )
        )
        return outcome

    def _items(self, task: Task, variables: Mapping[str, Any]) -> list[Any]:
        items = self._run.templar.render(task.loop, variables)
        if not isinstance(items, list | tuple):
            raise TemplateError(
                f"loop needs a list, not {type(items).__name__}: {str(items)[:80]!r}",
                where=getattr(task.loop, "origin", task.origin),
                hint="turn a mapping into a list with the filter dict2items, or a text with split",
            )
        return list(items)

    # -- one execution

    async def _run_one(
        self, task: Task, host: str, task_id: int, variables: Mapping[str, Any], secret: bool
    ) -> Outcome:
        holds, failed_condition = self._condition(task.inherited.when, variables)
        if not holds:
            reason = {"skip_reason": "Conditional result was False", "false_condition": failed_condition}
            return _skipped(reason)
        target, context, args = self._prepare(task, host, variables, secret)
        until = list(task.until)
        retries = self._number(task.retries, variables, DEFAULT_RETRIES) if until or task.retries is not None else 0
        delay = self._number(task.delay, variables, DEFAULT_DELAY)
        attempt = 0
        while True:
            attempt += 1
            result = await self._execute(task, context, args)
            skipped = bool(result.get("skipped"))
            scope = self._variables.of(host, task, _with_result(variables, task, result))
            if not skipped:
                self._judge(task, result, scope)
            if retries and not skipped:
                result["attempts"] = attempt
            if not retries or skipped or self._satisfied(until, result, scope):
                break
            if attempt > retries:
                result["failed"] = True
                result.setdefault("msg", f"the condition of 'until' was not met in {attempt} attempts")
                break
            title = str(self._run.templar.render(task.title, variables))
            self._run.emit(
                RetryWaiting(time=time.time(), task_id=task_id, host=host, task=title, left=int(retries) - attempt + 1)
            )
            await asyncio.sleep(max(0.0, delay))
        return self._outcome(task, host, result, variables, target)

    def _outcome(self, task: Task, host: str, result: Result, variables: Mapping[str, Any], target: str) -> Outcome:
        facts = result.get("ansible_facts")
        are_variables = bool(result.pop("_variables", False))
        hint = result.pop("_hint", None)
        status: Status
        if result.get("failed"):
            status = "failed"
        elif result.get("skipped"):
            status = "skipped"
        else:
            status = "changed" if result.get("changed") else "ok"
        shown = dict(result)
        # What only tells how to show a result is no part of what a playbook gets to see.
        for name in [name for name in result if name.startswith("_ansible_")]:
            del result[name]
        outcome = Outcome(status, result, shown, delegate=target if target != host else None, hint=hint)
        if isinstance(facts, dict) and status != "failed":
            outcome.additions.append((are_variables, facts))
        if status == "changed" and task.notify:
            outcome.notify = [str(self._run.templar.render(name, variables)) for name in task.notify]
        return outcome

    def _prepare(
        self, task: Task, host: str, variables: Mapping[str, Any], secret: bool
    ) -> tuple[str, ActionContext, Result]:
        """Everything that is decided on the controller: arguments, connection, privilege."""
        templar = self._run.templar
        view = templar.lazy(variables)

        def render(value: Any) -> Any:
            return templar.render(value, view)

        target = host
        keywords = task.inherited
        if keywords.delegate_to is not None:
            target = str(render(keywords.delegate_to))
        target_variables: Mapping[str, Any] = view
        target_render = render
        if target != host:
            target_variables = templar.lazy(self._run.delegate_variables(self._variables, target))

            def target_render(value: Any) -> Any:
                return templar.render(value, target_variables)

        spec = connections.connection_spec(target, target_variables, keywords, self._run.options, target_render)
        other = connections.become(target_variables, keywords, self._run.options, target_render, is_true)
        for password in (spec.password, other.password if other else None):
            if password:
                self._run.redactor.add(password)
        unrendered: frozenset[str] = getattr(action(task.action), "UNRENDERED", frozenset())
        args = {name: value if name in unrendered else render(value) for name, value in task.args.items()}
        args = drop_omitted(args)
        options = self._run.options
        timeout = self._number(keywords.timeout, view, options.task_timeout)
        context = ActionContext(
            host=host,
            variables=view,
            templar=templar,
            session=self._run.pool.session(spec),
            become=other,
            check=options.check if keywords.check_mode is None else self._flag(keywords.check_mode, view),
            diff=options.diff if keywords.diff is None else self._flag(keywords.diff, view),
            timeout=timeout,
            environment=self._environment(keywords.environment, render),
            search_path=self._search_path,
            keep_secret=self._run.redactor.add,
            scrub=self._run.scrub,
            fleet=self._run.fleet,
        )
        if secret:
            context.diff = False
        return target, context, args

    def _environment(self, levels: list[Any], render: Any) -> dict[str, str]:
        made: dict[str, str] = {}
        for level in levels:
            values = render(level)
            for part in values if isinstance(values, list) else [values]:
                if isinstance(part, dict):
                    made.update({str(name): str(value) for name, value in part.items()})
        return made

    async def _execute(self, task: Task, context: ActionContext, args: Result) -> Result:
        found = action(task.action)
        try:
            if found is not None:
                result = await found.run(context, dict(args))
            else:
                result = await self._run_module(task, context, args)
        except ActionFailure as failure:
            result = failure.result
        except UnreachableError:
            raise
        except StellaError as error:
            result, _ = _error_result(error)
            if error.hint:
                result["_hint"] = error.hint
        except OSError as problem:
            # Files on the controller: a source that cannot be read, a disk that is full.
            result = {"failed": True, "msg": f"on the controller: {problem}"}
        return finish_result(result)

    async def _run_module(self, task: Task, context: ActionContext, args: Result) -> Result:
        free_form, supports_check = self._run.module_traits(task.action)
        if "_raw_params" in args:
            text = args.pop("_raw_params")
            if free_form is not None:
                args.setdefault(free_form, text)
        if context.check and not supports_check:
            return {"skipped": True, "msg": f"remote module ({task.action}) does not support check mode"}
        return await context.module(task.action, args)

    # -- conditions

    def _condition(self, conditions: list[Any], variables: Mapping[str, Any]) -> tuple[bool, Any]:
        for condition in conditions:
            if not self._run.templar.evaluate(condition, variables):
                return False, condition if isinstance(condition, bool) else str(condition)
        return True, None

    def _judge(self, task: Task, result: Result, scope: Mapping[str, Any]) -> None:
        """``changed_when`` and ``failed_when`` decide over what the module said."""
        evaluate = self._run.templar.evaluate
        if task.changed_when is not None:
            result["changed"] = all(evaluate(c, scope, what="changed_when") for c in task.changed_when)
        if task.failed_when is not None:
            failed = bool(task.failed_when) and all(evaluate(c, scope, what="failed_when") for c in task.failed_when)
            result["failed"] = result["failed_when_result"] = failed

    def _satisfied(self, until: list[Any], result: Result, scope: Mapping[str, Any]) -> bool:
        if not until:
            return not result.get("failed")
        return all(self._run.templar.evaluate(c, scope, what="until") for c in until)

    def _flag(self, value: Any, variables: Mapping[str, Any]) -> bool:
        return is_true(self._run.templar.render(value, variables))

    def _flag_or(self, value: Any, variables: Mapping[str, Any]) -> bool:
        """A flag whose own template fails counts as not set: the first error is the one to show."""
        try:
            return self._flag(value, variables)
        except TemplateError:
            return False

    def _number(self, value: Any, variables: Mapping[str, Any], default: float) -> float:
        if value is None:
            return default
        rendered = self._run.templar.render(value, variables)
        try:
            return float(rendered)
        except (TypeError, ValueError):
            raise TemplateError(
                f"a number is needed here, not {rendered!r}", where=getattr(value, "origin", None)
            ) from None


def _with_result(variables: Mapping[str, Any], task: Task, result: Result) -> dict[str, Any]:
    """What ``until``, ``changed_when`` and ``failed_when`` see besides: the result, under its name."""
    extra: dict[str, Any] = {}
    for name in (task.loop_var, task.loop_index_var, "ansible_loop_var"):
        if name and task.loop is not None and name in variables:
            extra[name] = variables[name]
    if task.register:
        extra[task.register] = result
    # Ansible's conditions on a task's own result name its keys only through the registered variable.
    return extra


def _skipped(reason: Result) -> Outcome:
    result = {**SKIPPED, **reason}
    return Outcome("skipped", result, dict(result))


def _unreachable(error: UnreachableError) -> Outcome:
    result: Result = {"unreachable": True, "changed": False, "msg": error.message}
    return Outcome("unreachable", result, dict(result), hint=error.hint)


def _error_result(error: StellaError) -> tuple[Result, Result]:
    where = error.where
    # The host is named beside the message wherever results are shown.
    text = error.message if where is None or ":" not in where else f"{where}: {error.message}"
    result: Result = {"failed": True, "changed": False, "msg": text}
    return result, dict(result)


def _censor(result: Result) -> Result:
    kept: Result = {name: result[name] for name in ("changed", "failed", "skipped", "unreachable") if name in result}
    return {"censored": CENSORED, **kept}


def _combine(outcomes: list[Outcome]) -> Outcome:
    """The result of a loop, in ansible-core's shape."""
    result: Result = {
        "results": [o.result for o in outcomes],
        "changed": any(o.status == "changed" for o in outcomes),
    }
    shown: Result = {**result, "results": [o.shown for o in outcomes]}
    status: Status
    if not outcomes:
        result.update(skipped=True, skipped_reason="No items in the list")
        status = "skipped"
    elif any(o.status == "failed" for o in outcomes):
        result.update(failed=True, msg="One or more items failed")
        status = "failed"
    elif all(o.status == "skipped" for o in outcomes):
        result.update(skipped=True, msg="All items skipped")
        status = "skipped"
    else:
        result.update(msg="All items completed", skipped=False)
        status = "changed" if result["changed"] else "ok"
    result.setdefault("failed", False)
    shown = {**result, "results": shown["results"]}
    made = Outcome(status, result, shown, looped=True)
    made.notify = list(dict.fromkeys(name for o in outcomes for name in o.notify))
    made.additions = [addition for o in outcomes for addition in o.additions]
    made.hint = next((o.hint for o in outcomes if o.hint), None)
    made.delegate = next((o.delegate for o in outcomes if o.delegate), None)
    return made
