"""One task on all hosts of a batch at once, and what its outcomes mean for what comes after."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from stella_ops.actions.registry import action
from stella_ops.engine import limits, reserved_names
from stella_ops.engine.ahead import Ahead
from stella_ops.engine.batch import Batch, Failure
from stella_ops.engine.events import (
    HandlerNotified,
    HostFinished,
    HostStarted,
    Included,
    NoHostsLeft,
    TaskStarted,
    Warned,
)
from stella_ops.engine.host_state import HostState
from stella_ops.engine.includes import Inclusion
from stella_ops.engine.journal import INVENTORY_ACTIONS, Recalled, Turn
from stella_ops.engine.keyword_values import is_yes, percentage, rendered
from stella_ops.engine.outcome import Outcome
from stella_ops.engine.path import Path
from stella_ops.engine.play_hosts import of_playbook
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.tags import is_selected
from stella_ops.engine.task_runner import TaskRunner
from stella_ops.engine.traits import Traits
from stella_ops.errors import MissingHandlerError, PlaybookError, StellaError, TemplateError
from stella_ops.playbook.model import Handler, Task


class PlayStopped(Exception):
    """The play ends for all hosts: too many failed, or any_errors_fatal."""


class Announcer:
    """Tells that a task starts."""

    def __init__(self, run: RunContext) -> None:
        self._run = run

    def announce(self, batch: Batch, task: Task, hosts: Sequence[str], *, handler: bool) -> tuple[int, str]:
        """Emit the event; the task's number and title."""
        run = self._run
        task_id = run.next_task_id()
        title = str(run.scrub(batch.shown_title(task)))
        run.emit(
            TaskStarted(
                time=time.time(),
                task_id=task_id,
                task=title,
                action=batch.action(task, hosts[0]),
                origin=str(task.origin),
                handler=handler,
                hosts=list(hosts),
                arguments=str(run.scrub(written_arguments(task))) if run.options.show_arguments else "",
            )
        )
        return task_id, title


def written_arguments(task: Task) -> str:
    """What is written as a task's arguments, on one line; nothing where it is to be hidden."""
    if task.inherited.no_log not in (None, False):
        return ""
    return ", ".join(f"{name}={value}" for name, value in task.args.items())


class Lockstep:
    """Runs tasks one by one, each on all hosts before the next (the linear strategy).

    A host that is alone in its batch waits for nobody: its next tasks are begun ahead of their turn where that is
    possible.

    Args:
        path: the order of the tasks.
        slots: bounds how many hosts work at once.
        among: the hosts that a share of failures is a share of; those of the batch by default. Where they are more,
            each goes on by itself, and what is for all of a batch has no meaning.
        throttles: shared by hosts that go on by themselves.
        limited: whether ``any_errors_fatal`` and ``max_fail_percentage`` count.
    """

    def __init__(
        self,
        batch: Batch,
        tasks: TaskRunner,
        path: Path,
        announcer: Announcer,
        slots: contextlib.AbstractAsyncContextManager[Any],
        among: Sequence[str] = (),
        throttles: dict[int, asyncio.Semaphore] | None = None,
        *,
        limited: bool = True,
    ) -> None:
        self._limited = limited
        self._batch = batch
        self._run = batch.run
        self._tasks = tasks
        self._path = path
        self._announcer = announcer
        self._slots = slots
        self._among = among or batch.hosts
        self._traits = Traits(batch.run.options, batch.notifications.knows)
        self._ahead: dict[str, Ahead] = {}
        self._throttles: dict[int, asyncio.Semaphore] = {} if throttles is None else throttles

    async def run(
        self,
        task: Task,
        hosts: Sequence[str],
        *,
        handler: bool = False,
        collect: dict[str, Outcome] | None = None,
    ) -> list[str]:
        """Run a task on hosts, on as many at a time as there are forks; those that came through.

        Args:
            collect: takes each host's outcome.

        Raises:
            PlayStopped: its failures end the play.
            StellaError: what is wrong with the playbook rather than with a host.
        """
        batch, run = self._batch, self._run
        everyone = hosts
        once = self._is_once(task, hosts[0])
        adds = batch.action(task, hosts[0]) in INVENTORY_ACTIONS
        turn = run.journal.turn(task, hosts)
        recalled = run.journal.recall(turn, hosts, once=once, handler=handler)
        if recalled is not None:
            self._recall(task, turn, recalled, collect)
            hosts = [host for host in hosts if host not in recalled.outcomes and host not in recalled.passed]
            fallen = [o for o in recalled.outcomes.values() if o.status in ("failed", "unreachable")]
            if not hosts or fallen:
                self._check_limits(task, once, fallen)
            if not hosts:
                return batch.active(everyone)
        chosen = hosts[:1] if once else hosts
        task_id, title = self._announcer.announce(batch, task, chosen, handler=handler)

        # Not one that is left alone for now: a rescue or always section may bring the others back.
        alone = len(batch.hosts) == 1 and not run.options.step
        throttle = self._throttle(task)

        async def on(host: str) -> Outcome:
            async with throttle, self._slots:
                run.emit(HostStarted(time=time.time(), task_id=task_id, host=host))
                before = run.inventory.added if adds else None
                if alone and not once:
                    outcome = await self._ahead_of(host).run(task, task_id, self._path.after(task))
                else:
                    outcome = await self._tasks.run(task, host, self._tasks.turn(task_id))
            share = hosts if once else [host]
            added = () if before is None else run.inventory.additions(before)
            guarded = batch.guards > 0
            run.journal.ended(turn, task, share, outcome, guarded=guarded, handler=handler, additions=added)
            self._settle(task, host, share, outcome)
            self._report(task_id, title, host, outcome)
            if collect is not None:
                collect[host] = outcome
            return outcome

        if len(chosen) == 1:
            outcomes = [await on(chosen[0])]
        else:
            with batch.variables.held():
                outcomes = await _all(on(host) for host in chosen)
        if run.kept_facts is not None:
            await run.kept_facts.written()
        if adds:
            # Once for all hosts: what it makes anew grows with them.
            batch.variables.renew()
        self._check_limits(task, once, [o for o in outcomes if o.status in ("failed", "unreachable")])
        return batch.active(everyone)

    def fail(self, task: Task, hosts: Sequence[str], result: dict[str, Any], problem: StellaError) -> None:
        """Note that hosts failed after their task had ended well: what they include cannot be read for a problem."""
        batch = self._batch
        task_id = self._run.next_task_id()
        turn = self._run.journal.turn(task, hosts, again=True)
        for host in hosts:
            outcome = Outcome("failed", dict(result), dict(result), hint=problem.advice(), where=problem.where)
            self._run.journal.ended(turn, task, [host], outcome, guarded=batch.guards > 0, handler=False)
            self._settle(task, host, [host], outcome, counted_as_failed=True)
            self._report(task_id, batch.title(task), host, outcome)

    def _recall(self, task: Task, turn: Turn | None, recalled: Recalled, collect: dict[str, Outcome] | None) -> None:
        """Take in what hosts did in the run that this one goes on with."""
        batch = self._batch
        if recalled.passed and turn is not None and self._run.journal.is_new(turn):
            hosts = ", ".join(recalled.passed)
            message = f"'{batch.title(task)}' is new, and stands before the task that these hosts go on at: {hosts}"
            self._run.emit(Warned(time=time.time(), message=message, where=str(task.origin)))
        if recalled.lost:
            message = f"values that '{batch.title(task)}' brought on {', '.join(recalled.lost)} could not be kept"
            self._run.emit(Warned(time=time.time(), message=message, where=str(task.origin)))
        if recalled.additions:
            batch.run.inventory.add_again(recalled.additions)
            batch.variables.renew()
        for host, outcome in recalled.outcomes.items():
            self._settle(task, host, [host], outcome)
        if collect is not None:
            collect.update(recalled.outcomes)

    def tell_included(self, label: str, hosts: Sequence[str], inclusion: Inclusion) -> None:
        """Say what hosts include, and count it."""
        for host in hosts:
            self._batch.state(host).count("ok")
        item = self._run.scrub(inclusion.item) if inclusion.looped else None
        self._run.emit(
            Included(
                time=time.time(),
                what=str(self._run.scrub(label)),
                hosts=list(hosts),
                item=item,
                looped=inclusion.looped,
            )
        )

    def _throttle(self, task: Task) -> contextlib.AbstractAsyncContextManager[Any]:
        """What bounds a task to fewer hosts at once than there are forks."""
        if task.inherited.throttle is None:
            return contextlib.nullcontext()
        rendered = self._run.templar.render(
            task.inherited.throttle, self._batch.variables.of(self._batch.hosts[0], task)
        )
        try:
            bound = int(rendered)
        except (TypeError, ValueError):
            said = f"Failed to convert the throttle value to an integer: it cannot be {rendered!r}"
            problem = PlaybookError(said, where=task.origin, hint="a number")
            problem.exit_code = 1
            raise problem from None
        if bound <= 0:
            return contextlib.nullcontext()
        known = self._throttles.get(id(task))
        if known is None:
            known = self._throttles[id(task)] = asyncio.Semaphore(bound)
        return known

    async def close(self) -> None:
        """Forget what was begun ahead and did not get its turn."""
        for ahead in self._ahead.values():
            await ahead.drop()

    def _ahead_of(self, host: str) -> Ahead:
        known = self._ahead.get(host)
        if known is None:
            known = self._ahead[host] = Ahead(host, self._tasks, self._traits, self._is_selected)
        return known

    def _is_selected(self, task: Task) -> bool:
        options = self._run.options
        return is_selected(task.inherited.tags, options.tags, options.skip_tags)

    def _is_once(self, task: Task, host: str) -> bool:
        if len(self._among) > len(self._batch.hosts):
            return False
        if getattr(action(self._batch.action(task, host)), "RUN_ONCE", False):
            return True
        written = task.inherited.run_once
        if written is None or isinstance(written, bool):
            return bool(written)
        # What is neither true nor false is told by the task, on one host.
        view = self._batch.variables.of(host, task)
        return is_yes(rendered("run_once", written, lambda value: self._run.templar.render(value, view)))

    def _settle(
        self, task: Task, host: str, share: Sequence[str], outcome: Outcome, *, counted_as_failed: bool = False
    ) -> None:
        """What a host's outcome means for variables, counts and handlers.

        Args:
            share: whom its result is for.
            counted_as_failed: in the recap a failure is one, and nothing that was rescued, even where it is.
        """
        batch = self._batch
        role = task.inherited.role
        if role is not None and outcome.status in ("ok", "changed", "failed", "ignored"):
            batch.roles_begun.setdefault(role.key, set()).update(share)
        for name in share:
            self._add(name, task, outcome)
        if task.register or outcome.additions:
            batch.variables.changed()
        for topic in outcome.notify:
            self._notify(topic, task, host, recalled=outcome.recalled)
        state = batch.state(host)
        if outcome.recalled:
            pass
        elif task.include is None or outcome.status not in ("ok", "changed"):  # counted once for each thing included
            _count(state, outcome, guarded=batch.guards > 0 and not counted_as_failed)
        if outcome.status == "failed":
            # The hint is no part of a result, but whoever rescues a failure may want to tell it.
            told = {"hint": outcome.hint, **outcome.result} if outcome.hint else outcome.result
            for name in share:
                batch.last_failure[name] = Failure(task, told, outcome.arguments, outcome.delegate)
            batch.set_failed(share, True)
        elif outcome.status == "unreachable":
            state.unreachable = True
            batch.variables.forget()

    def _notify(self, topic: str, task: Task, host: str, *, recalled: bool) -> None:
        try:
            found = self._batch.notifications.notify(topic, host, task.origin, at_once=isinstance(task, Handler))
        except MissingHandlerError as problem:
            if self._run.options.error_on_missing_handler:
                raise
            self._run.emit(Warned(time=time.time(), message=problem.message, where=problem.where))
            return
        if recalled:
            return
        self._run.journal.notified(host)
        for notified in found:
            self._run.emit(HandlerNotified(time=time.time(), host=host, handler=notified))

    def _add(self, host: str, task: Task, outcome: Outcome) -> None:
        """Take in what a task found out: facts of a delegate are its own with ``delegate_facts``."""
        batch = self._batch
        state = batch.state(host)
        # What was found out in another run was kept then, and may be newer by now.
        kept = None if outcome.recalled else self._run.kept_facts
        of_delegate = outcome.delegate is not None and batch.flag(
            "delegate_facts", task.inherited.delegate_facts, task, host
        )
        for kind, values, delegate in outcome.additions:
            reserved_names.warn_of([values], set())
            owner = batch.state(delegate) if of_delegate and delegate is not None else state
            if kind == "variables":
                owner.add_variables(values)
            elif kind == "included":
                owner.include_variables(values)
            else:
                owner.add_facts(values)
                if kept is not None:
                    if task.action == "set_fact":
                        kept.withhold(owner.name, values)
                    kept.keep(owner)
        if task.register:
            registered: Mapping[str, Any] = {task.register: outcome.registered()}
            reserved_names.warn_of([registered], set())
            state.add_variables(registered)

    def _report(self, task_id: int, title: str, host: str, outcome: Outcome) -> None:
        scrub = self._run.scrub
        self._run.emit(
            HostFinished(
                time=time.time(),
                task_id=task_id,
                task=title,
                host=host,
                status=outcome.status,
                result=scrub(outcome.shown),
                duration=outcome.duration,
                looped=outcome.looped,
                hint=scrub(outcome.hint),
                where=outcome.where,
                delegate=outcome.delegate,
                delegate_address=outcome.delegate_address,
            )
        )

    def _check_limits(self, task: Task, once: bool, fallen: list[Outcome]) -> None:
        if not fallen:
            return
        batch = self._batch
        if once or (self._limited and self._is_fatal(task)):
            batch.set_failed(batch.active(), True)
            self._stop()
        if batch.guards:
            return  # a rescue may take them back
        allowed = self._allowed_failures() if self._limited else None
        # As in ansible-core, hosts that cannot be reached do not count.
        out = sum(batch.state(host).failed for host in self._among)
        failed = any(outcome.status == "failed" for outcome in fallen)
        if failed and allowed is not None and 100.0 * out / len(self._among) > allowed:
            self._run.emit(NoHostsLeft(time=time.time(), play=batch.play.title, reason="max_fail_percentage"))
            self._stop()
        self.check_limits_of_run()

    def check_limits_of_run(self) -> None:
        """End the run where too many of its hosts are out; not while a rescue section may take some back."""
        batch = self._batch
        if not batch.guards and limits.stops(self._run, batch.play, batch.variables.of(batch.hosts[0])):
            self._stop()

    def _is_fatal(self, task: Task) -> bool:
        written = task.inherited.any_errors_fatal
        if written is None:
            written = self._run.options.any_errors_fatal
        try:
            return self._batch.flag("any_errors_fatal", written, task)
        except TemplateError:
            return False  # which the task has told

    def _stop(self) -> NoReturn:
        """End the play for all hosts, unless a rescue section takes them back."""
        if not self._batch.guards:
            self._run.journal.stopped(self._batch.hosts)
        raise PlayStopped

    def _allowed_failures(self) -> float | None:
        """``max_fail_percentage``; None where there is none."""
        batch = self._batch
        written, view = batch.play.max_fail_percentage, batch.variables.of(batch.hosts[0])
        with of_playbook():
            return percentage("max_fail_percentage", written, self._run.templar, view)


async def _all(coroutines: Iterable[Coroutine[Any, Any, Outcome]]) -> list[Outcome]:
    """All at once. What they raise is wrong with the playbook, not with a host: the first ends the run."""
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as problems:
        raise problems.exceptions[0] from None
    return [done.result() for done in running]


def _count(state: HostState, outcome: Outcome, *, guarded: bool) -> None:
    """The recap's counts, as ansible-core counts: a changed host is an ok host too.

    ``guarded`` says that a rescue section will take a failure back: it counts as rescued, not as failed.
    """
    status = outcome.status
    if status in ("ok", "changed"):
        state.count("ok")
        if status == "changed":
            state.count("changed")
    elif status == "skipped":
        state.count("skipped")
    elif status == "failed":
        state.count("rescued" if guarded else "failed")
    elif status == "unreachable":
        state.count("unreachable")
    elif status == "ignored":
        state.count("ok")
        state.count("ignored")
        if outcome.result.get("changed"):
            state.count("changed")
