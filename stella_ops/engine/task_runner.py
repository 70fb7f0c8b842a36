"""One task on one host: conditions, loop, the action itself, and what becomes of its result."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from stella_ops.collections.notices import Notice, add_to, hearing
from stella_ops.engine import loop_values, reserved_names
from stella_ops.engine.attempts import Attempts
from stella_ops.engine.events import ItemFinished, JobPolled, Status, Told
from stella_ops.engine.fact_caches.base import GATHERED
from stella_ops.engine.keyword_values import rendered
from stella_ops.engine.loop_ahead import ItemsAhead
from stella_ops.engine.outcome import Addition, Outcome, Result, censored, combine, defect, failed, skipped, unreachable
from stella_ops.engine.output import STREAMING, Output, Turn, rate_for
from stella_ops.engine.pending import Pending
from stella_ops.engine.preparation import Preparation
from stella_ops.engine.results import NO_TRACEBACK
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.traits import items_may_follow
from stella_ops.engine.transfers import Transfers
from stella_ops.engine.variables import PlayVariables
from stella_ops.errors import (
    LoopError,
    PlaybookError,
    StellaError,
    TemplateError,
    UndefinedVariableError,
    UnreachableError,
)
from stella_ops.playbook.model import Task
from stella_ops.playbook.refused_actions import refusal
from stella_ops.templating.omit import OMIT
from stella_ops.templating.plugins import module_state
from stella_ops.templating.scope import LazyVariables, is_template
from stella_ops.transport.base import Link

# What the parser has to know.
_STRUCTURE = frozenset({"meta", "include_tasks", "include_role", "import_tasks", "import_role", "import_playbook"})

HIDDEN_ITEM = HIDDEN_NAME = "(censored due to no_log)"


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
        self._preparation = Preparation(run, variables, search_path)
        self._attempts = Attempts(run, self._preparation)
        self._looked_at: set[int] = set()  # variables of tasks whose names were looked at

    async def run(
        self,
        task: Task,
        host: str,
        turn: Turn,
        *,
        link: Link | None = None,
        pending: Pending | None = None,
    ) -> Outcome:
        """Run a task on a host. Never raises for what goes wrong on the host, or in the code for it.

        Args:
            turn: takes what is told of it before it ends.
            link: its place among tasks that are sent ahead.
            pending: variables that are not known yet.

        Raises:
            NotYet: it cannot run ahead of its turn.
        """
        started = time.monotonic()
        module_state.renew()
        reserved_names.warn_of(self._variables.of_task(task), self._looked_at, reserved_names.OF_TASKS)
        kept = None if pending else self._variables.kept(host, task)
        view = self._view(task, self._variables.of(host, task, pending=pending), kept)
        secret = self._preparation.hides(task, view)
        with hearing() as heard:
            try:
                if is_template(task.action):
                    task = self._named(task, view)
                if task.loop is None:
                    outcome = await self._run_one(task, host, turn, view, secret, link=link)
                else:
                    outcome = await self._run_loop(task, host, turn, view, secret)
            except UnreachableError as error:
                outcome = unreachable(error, self._delegate(task, host, view))
            except StellaError as error:
                outcome = failed(error, self._delegate(task, host, view))
            except Exception as problem:
                outcome = defect(problem)
        if not outcome.looped:  # the items of a loop tell what was said of them
            self._tell(outcome, heard)
        if secret and not outcome.looped:
            outcome.censor()
        if outcome.ignored if outcome.looped else self._is_ignored(task, outcome, view):
            outcome.status = "ignored"
        outcome.duration = time.monotonic() - started
        return outcome

    @staticmethod
    def _tell(outcome: Outcome, heard: dict[Notice, None]) -> None:
        """What was said while a task ran is told by its result."""
        if heard:
            add_to(outcome.result, heard)
            if outcome.shown is not outcome.result:
                add_to(outcome.shown, heard)

    def turn(self, task_id: int | None) -> Turn:
        """For a task that begins; without a number it does so before its turn."""
        return Turn(self._run.emit, task_id)

    def _named(self, task: Task, view: Mapping[str, Any]) -> Task:
        """A task whose module a template names, with that name; an item of its loop has no say, as in ansible-core."""
        from stella_ops.playbook.module_names import canonical

        written = str(self._run.templar.render(task.action, view))
        name = canonical(written, self._run.modules)
        where = getattr(task.action, "origin", task.origin)
        if name in _STRUCTURE:
            raise PlaybookError(f"'{written}' cannot be named by a template", where=where)
        if self._run.modules.spec(name) is None and refusal(name, written, self._run.modules, where) is None:
            raise PlaybookError(f"Cannot resolve '{written}' to an action or module.", where=where)
        return dataclasses.replace(task, action=name)

    def _view(self, task: Task, variables: Mapping[str, Any], kept: dict[str, Any] | None = None) -> LazyVariables:
        """A task's variables, rendered lazily; its lookups look where its role and file are."""
        return self._run.templar.lazy(variables, kept, self._preparation.lookup_path(task))

    def _is_ignored(self, task: Task, outcome: Outcome, view: Mapping[str, Any]) -> bool:
        """Whether a failure counts as well all the same."""
        keywords = task.inherited
        if outcome.status == "failed":
            return self._preparation.flag_or("ignore_errors", keywords.ignore_errors, view, True)
        return outcome.status == "unreachable" and self._preparation.flag_or(
            "ignore_unreachable", keywords.ignore_unreachable, view, False
        )

    def _delegate(self, task: Task, host: str, view: Mapping[str, Any]) -> str | None:
        try:
            named = self._preparation.delegate(task, view)
        except StellaError:  # it hangs on the item of a loop, or is what the task fails of
            return None
        return named if named != host else None

    # -- loops

    async def _run_loop(self, task: Task, host: str, turn: Turn, view: Mapping[str, Any], secret: bool) -> Outcome:
        try:
            with loop_values.of_loop():
                items = self._items(task, view)
                task = loop_values.named(task, view, self._run.templar)
        except UndefinedVariableError:
            reason = None
            # A loop over what a false condition guards against is no error; of two errors the loop's is told.
            with suppress(TemplateError):
                reason = self._unmet(task, view)
            if reason is not None:
                return skipped(reason)
            raise
        outcomes: list[Outcome] = []
        hidden: set[int] = set()
        turns: dict[int, Turn] = {}
        # What an item sets, those after it see: facts are collected that way.
        carried: dict[str, Any] = {}
        pause, extended, all_items = loop_values.control(task, view, self._preparation)

        def extra(index: int) -> dict[str, Any]:
            loop = loop_values.extended(items, index, all_items) if extended else None
            return loop_values.of_item(task, index, items[index], loop)

        async def begin(index: int, link: Link | None) -> Outcome:
            mine = turns[index] = self.turn(turn.task_id if index == len(outcomes) else None)
            if self._hides_item(task, host, {**carried, **extra(index)}, secret):
                hidden.add(index)
            return await self._run_item(task, host, mine, extra(index), carried, index in hidden, link)

        ahead = None
        if len(items) > 1 and items_may_follow(task, self._run.options.module_folders):
            ahead = ItemsAhead(len(items), begin)
        for index, item in enumerate(items):
            if index and pause > 0:
                await asyncio.sleep(pause)
            if index in turns:
                turns[index].begin(turn.task_id)
            if ahead is not None:
                outcome = await ahead.outcome(index)
            else:
                outcome = await begin(index, None)
            outcomes.append(outcome)
            if task.register:
                carried[task.register] = outcome.result
            self._show_item(task, host, turn, item, {**carried, **extra(index)}, index in hidden, outcome)
            for kind, values, _ in outcome.additions:
                if kind != "facts":
                    carried.update(values)
            if task.loop_break_when and self._breaks(task, host, index, item, outcomes[-1]):
                break
        made = combine(outcomes)
        if hidden:
            made.censor()
        return made

    def _hides_item(self, task: Task, host: str, seen: dict[str, Any], secret: bool) -> bool:
        """``no_log`` for an item, which may have a say in it."""
        written = task.inherited.no_log
        if not isinstance(written, str) or not is_template(written):
            return secret
        return self._preparation.hides(task, self._view(task, self._variables.of(host, task, seen)))

    def _breaks(self, task: Task, host: str, index: int, item: Any, outcome: Outcome) -> bool:
        """Whether a loop ends after an item: ``break_when``."""
        extra = loop_values.of_item(task, index, item, None)
        if task.register:
            extra[task.register] = outcome.result
        view = self._view(task, self._variables.of(host, task, extra))
        try:
            return all(self._run.templar.evaluate(each, view, what="break_when") for each in task.loop_break_when)
        except TemplateError as problem:
            raise LoopError(problem.message, where=problem.where, hint=problem.hint) from problem

    def _items(self, task: Task, view: Mapping[str, Any]) -> list[Any]:
        items = self._run.templar.render(task.loop, view)
        if items is OMIT:
            return []
        if not isinstance(items, list | tuple):
            raise LoopError(
                f"The `loop` value must resolve to a 'list', not '{type(items).__name__}'.",
                where=getattr(task.loop, "origin", task.origin),
                hint=f"it is {str(items)[:80]!r}; turn a mapping into a list with the filter dict2items, "
                "or a text with split",
            )
        return [item for item in items if item is not OMIT]

    async def _run_item(
        self,
        task: Task,
        host: str,
        turn: Turn,
        extra: dict[str, Any],
        carried: Mapping[str, Any],
        secret: bool,
        link: Link | None = None,
    ) -> Outcome:
        """One item of a loop.

        Args:
            extra: its variables.
            carried: what the items before it have set.
            link: its place among items that are sent ahead.
        """
        pending = None
        if link is not None and link.previous is not None:
            names = frozenset({task.register} if task.register else ())
            pending = Pending(names, facts=False, here=link.previous.here is not None)
        seen = {**carried, **extra}
        view = self._view(task, self._variables.of(host, task, seen, pending))
        with hearing() as heard:
            try:
                outcome = await self._run_one(task, host, turn, view, secret, seen, link)
            except UnreachableError as error:
                outcome = unreachable(error, self._delegate(task, host, view))
            except StellaError as error:
                outcome = failed(error, self._delegate(task, host, view))
        self._tell(outcome, heard)
        for result in (outcome.result, outcome.shown):
            result.update(extra)
        return outcome

    def _show_item(
        self,
        task: Task,
        host: str,
        turn: Turn,
        item: Any,
        seen: dict[str, Any],
        secret: bool,
        outcome: Outcome,
    ) -> None:
        view = self._view(task, self._variables.of(host, task, seen))
        outcome.label = HIDDEN_ITEM if secret else self._run.scrub(self._label(task, item, view))
        if isinstance(outcome.label, LoopError):
            for result in (outcome.result, outcome.shown):
                result.update(failed=True, msg=outcome.label.message)
            outcome.status, outcome.where, outcome.label = "failed", outcome.label.where, None
        shown = censored(outcome.shown) if secret else outcome.shown
        outcome.ignored = self._is_ignored(task, outcome, view)
        self._run.emit(
            ItemFinished(
                time=time.time(),
                task_id=turn.task_id or 0,
                host=host,
                status="ignored" if outcome.ignored else outcome.status,
                item=outcome.label,
                result=self._run.scrub(shown),
                delegate=outcome.delegate,
                delegate_address=outcome.delegate_address,
            )
        )

    def _label(self, task: Task, item: Any, view: Mapping[str, Any]) -> Any:
        """What an item is called, or the error that something undefined in it is."""
        if task.loop_label is None:
            return item
        try:
            return self._run.templar.render(task.loop_label, view)
        except UndefinedVariableError as problem:
            return LoopError(f"Failed to template loop_control.label: {problem.message}", where=problem.where)
        except TemplateError:
            return str(task.loop_label)

    # -- one execution

    def _unmet(self, task: Task, view: Mapping[str, Any]) -> Result | None:
        """The first condition of ``when`` that does not hold, as the result of a task that is skipped."""
        for condition in task.inherited.when:
            if not self._run.templar.evaluate(condition, view):
                false = condition if isinstance(condition, bool) else str(condition)
                return {"skip_reason": "Conditional result was False", "false_condition": false}
        return None

    async def _run_one(
        self,
        task: Task,
        host: str,
        turn: Turn,
        view: Mapping[str, Any],
        secret: bool,
        item: Mapping[str, Any] | None = None,
        link: Link | None = None,
    ) -> Outcome:
        reason = self._unmet(task, view)
        if reason is not None:
            return skipped(reason)
        self._preparation.check_flags(task, view)
        try:
            named = self._preparation.delegate(task, view)
        except TemplateError as problem:
            unknown = failed(problem)
            unknown.delegate = str(task.inherited.delegate_to)
            return unknown
        target, delegate = named or host, None
        if target != host:
            delegate = self._view(task, self._run.delegate_variables(self._variables, target, task, item))
            item = {**(item or {}), "ansible_delegated_vars": {target: delegate}}
            view = self._view(task, self._variables.of(host, task, item, address=target))
        prepared = self._preparation.prepare(task, host, named, view, secret=secret, link=link, delegate_view=delegate)
        prepared.context.title = lambda: self._attempts.title(task, view)
        prepared.context.say = lambda line: turn.emit(
            Told(time=time.time(), task_id=0, host=host, message=str(self._run.scrub(line)))
        )
        prepared.context.polled = lambda job: turn.emit(JobPolled(time=time.time(), task_id=0, host=host, job=job))
        prepared.context.transfer = Transfers(
            turn.emit, host, lambda name: HIDDEN_NAME if secret else str(self._run.scrub(name))
        )
        if self._run.watched and not secret and task.action in STREAMING:
            label = None if task.loop is None else self._label(task, (item or {}).get(task.loop_var), view)
            prepared.context.live = Output(
                turn.emit,
                self._run.redactor,
                host=host,
                rate=rate_for(min(self._run.options.forks, len(self._run.inventory.hosts))),
                item=None if isinstance(label, LoopError) else self._run.scrub(label),
                delegate=target if target != host else None,
            )

        def scope_with(result: Result) -> Mapping[str, Any]:
            # Conditions on a task's own result name it through the registered variable, and see what it sets.
            own = {task.register: result} if task.register else {}
            if result.get("_variables") or result.get("_included"):
                own = {**result.get("ansible_facts", {}), **own}
            return self._view(task, self._variables.of(host, task, {**(item or {}), **own})) if own else view

        result = await self._attempts.run(task, host, turn, prepared, scope_with)
        outcome = self._outcome(task, host, result, view, target, diff=prepared.context.diff)
        if target != host:
            outcome.delegate_address = prepared.address
        if outcome.status == "failed":
            outcome.arguments = prepared.args
        return outcome

    def _outcome(
        self, task: Task, host: str, result: Result, view: Mapping[str, Any], target: str, *, diff: bool
    ) -> Outcome:
        kind: Addition = "variables" if result.pop("_variables", False) else "facts"
        if result.pop("_included", False):
            kind = "included"
        cacheable = bool(result.pop("_cacheable", False))
        hint, where = result.pop("_hint", None), result.pop("_where", None)
        hidden = bool(result.pop("_censored", False))
        # Where failed_when had a say, it has the last one: also over retries that ran out.
        verdict = result.get("failed_when_result")
        status: Status
        if verdict if isinstance(verdict, bool) else result.get("failed"):
            status = "failed"
        elif result.get("skipped"):
            status = "skipped"
        else:
            status = "changed" if result.get("changed") else "ok"
        unshown = result.pop("_unshown", {})
        shown = dict(result)
        if not diff and shown.get("diff"):
            del shown["diff"]
        if not self._run.options.invocations:
            shown.pop("invocation", None)
        result.update(unshown)
        if status == "failed":
            result["exception"] = NO_TRACEBACK
        # What only tells how to show a result is no part of what a playbook gets to see.
        for name in [name for name in result if name.startswith("_ansible_")]:
            del result[name]
        outcome = Outcome(status, result, shown, delegate=target if target != host else None, hint=hint, where=where)
        if hidden:
            outcome.censor()
        facts = result.get("ansible_facts")
        # What debug shows, nobody found out.
        if isinstance(facts, dict) and status != "failed" and task.action != "debug":
            if task.gathers or task.action == "gather_facts":
                facts = {**facts, GATHERED: True}
            outcome.additions.append((kind, facts, outcome.delegate))
            if cacheable:
                outcome.additions.append(("facts", facts, outcome.delegate))
        # Where one item of a loop has changed something, what the others name is notified, too.
        if task.notify and (status == "changed" or (status == "ok" and task.loop is not None)):
            outcome.notify = self._topics(task, view)
        return outcome

    def _topics(self, task: Task, view: Mapping[str, Any]) -> list[str]:
        topics: list[str] = []
        for written in task.notify:
            value = rendered("notify", written, lambda each: self._run.templar.render(each, view))
            found = value if isinstance(value, list) else [value]
            topics += [str(topic) for topic in found if topic is not OMIT and topic not in (None, "")]
        return topics
