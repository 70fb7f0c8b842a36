"""One task on all hosts of a batch at once, and what its outcomes mean for what comes after."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from stella_ops.actions.registry import action
from stella_ops.engine.ahead import Ahead
from stella_ops.engine.batch import Batch
from stella_ops.engine.events import HandlerNotified, HostFinished, HostStarted, NoHostsLeft, TaskStarted
from stella_ops.engine.host_state import HostState
from stella_ops.engine.outcome import Outcome
from stella_ops.engine.path import Path
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.tags import is_selected
from stella_ops.engine.task_runner import TaskRunner
from stella_ops.engine.traits import Traits
from stella_ops.errors import PlaybookError
from stella_ops.playbook.model import Task


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
        title = str(run.scrub(batch.title(task)))
        run.emit(
            TaskStarted(
                time=time.time(),
                task_id=task_id,
                task=title,
                action=task.action,
                origin=str(task.origin),
                handler=handler,
                hosts=list(hosts),
            )
        )
        return task_id, title


class Lockstep:
    """Runs tasks one by one, each on all hosts before the next (the linear strategy).

    A host that is alone in its batch waits for nobody: its next tasks are begun ahead of their turn where that is
    possible.

    Args:
        path: the order of the tasks.
        slots: bounds how many hosts work at once.
        among: the hosts that a share of failures is a share of; those of the batch by default. Where they are more,
            each goes on by itself, and what is for all of a batch has no meaning.
    """

    def __init__(
        self,
        batch: Batch,
        tasks: TaskRunner,
        path: Path,
        announcer: Announcer,
        slots: contextlib.AbstractAsyncContextManager[Any],
        among: Sequence[str] = (),
    ) -> None:
        self._batch = batch
        self._run = batch.run
        self._tasks = tasks
        self._path = path
        self._announcer = announcer
        self._slots = slots
        self._among = among or batch.hosts
        self._traits = Traits(batch.run.options, batch.notifications.knows)
        self._ahead: dict[str, Ahead] = {}

    async def run(self, task: Task, hosts: Sequence[str], *, handler: bool = False) -> list[str]:
        """Run a task on hosts, on as many at a time as there are forks; those that came through.

        Raises:
            PlayStopped: its failures end the play.
            StellaError: what is wrong with the playbook rather than with a host.
        """
        batch, run = self._batch, self._run
        once = self._is_once(task, hosts[0])
        chosen = hosts[:1] if once else hosts
        task_id, title = self._announcer.announce(batch, task, chosen, handler=handler)

        # Not one that is left alone for now: a rescue or always section may bring the others back.
        alone = len(batch.hosts) == 1

        async def on(host: str) -> Outcome:
            async with self._slots:
                run.emit(HostStarted(time=time.time(), task_id=task_id, host=host))
                if alone and not once:
                    outcome = await self._ahead_of(host).run(task, task_id, self._path.after(task))
                else:
                    outcome = await self._tasks.run(task, host, task_id)
            self._settle(task, host, hosts if once else [host], outcome)
            self._report(task_id, title, host, outcome)
            return outcome

        if len(chosen) == 1:
            outcomes = [await on(chosen[0])]
        else:
            outcomes = await _all(on(host) for host in chosen)
        self._check_limits(task, once, [o for o in outcomes if o.status in ("failed", "unreachable")])
        return batch.active(hosts)

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
        if getattr(action(task.action), "RUN_ONCE", False):
            return True
        return self._batch.flag(task.inherited.run_once, task, host)

    def _settle(self, task: Task, host: str, share: Sequence[str], outcome: Outcome) -> None:
        """What a host's outcome means for variables, counts and handlers. ``share``: whom its result is for."""
        batch = self._batch
        for name in share:
            _add_result(batch.state(name), task, outcome)
        if task.register or outcome.additions:
            batch.variables.changed()
        for topic in outcome.notify:
            for notified in batch.notifications.notify(topic, host, task.origin):
                self._run.emit(HandlerNotified(time=time.time(), host=host, handler=notified))
        state = batch.state(host)
        _count(state, outcome, guarded=batch.guards > 0)
        if outcome.status == "failed":
            # The hint is no part of a result, but whoever rescues a failure may want to tell it.
            told = {"hint": outcome.hint, **outcome.result} if outcome.hint else outcome.result
            for name in share:
                batch.last_failure[name] = (task, told)
            batch.set_failed(share, True)
        elif outcome.status == "unreachable":
            state.unreachable = True
            batch.variables.forget()

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
                delegate=outcome.delegate,
            )
        )

    def _check_limits(self, task: Task, once: bool, fallen: list[Outcome]) -> None:
        if not fallen:
            return
        batch = self._batch
        if once or batch.flag(task.inherited.any_errors_fatal, task):
            batch.set_failed(batch.active(), True)
            raise PlayStopped
        allowed = self._allowed_failures()
        if allowed is None or not any(outcome.status == "failed" for outcome in fallen):
            return
        # As in ansible-core, hosts that cannot be reached do not count, nor those that a rescue may take back.
        out = sum(batch.state(host).failed for host in self._among)
        if not batch.guards and 100.0 * out / len(self._among) > allowed:
            self._run.emit(NoHostsLeft(time=time.time(), play=batch.play.title, reason="max_fail_percentage"))
            raise PlayStopped

    def _allowed_failures(self) -> float | None:
        """``max_fail_percentage``; None where there is none."""
        play = self._batch.play
        if play.max_fail_percentage is None:
            return None
        rendered = self._run.templar.render(play.max_fail_percentage, self._batch.variables.of(self._batch.hosts[0]))
        try:
            return float(str(rendered).rstrip("% "))
        except ValueError:
            raise PlaybookError(
                f"max_fail_percentage cannot be {rendered!r}", where=play.origin, hint="a number, 0 to 100"
            ) from None


def _add_result(state: HostState, task: Task, outcome: Outcome) -> None:
    for are_variables, values in outcome.additions:
        if are_variables:
            state.add_variables(values)
        else:
            state.add_facts(values)
    if task.register:
        registered: Mapping[str, Any] = {task.register: outcome.result}
        state.add_variables(registered)


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
