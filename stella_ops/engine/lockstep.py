"""One task on all hosts of a batch at once, and what its outcomes mean for what comes after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from stella_ops.actions.registry import action
from stella_ops.engine.batch import Batch
from stella_ops.engine.events import HandlerNotified, HostFinished, HostStarted, NoHostsLeft, TaskStarted
from stella_ops.engine.host_state import HostState
from stella_ops.engine.outcome import Outcome
from stella_ops.engine.task_runner import TaskRunner
from stella_ops.errors import PlaybookError
from stella_ops.playbook.model import Task


class PlayStopped(Exception):
    """The play ends for all hosts: too many failed, or any_errors_fatal."""


class Lockstep:
    """Runs tasks one by one, each on all hosts before the next (the linear strategy)."""

    def __init__(self, batch: Batch, tasks: TaskRunner) -> None:
        self._batch = batch
        self._run = batch.run
        self._tasks = tasks

    async def run(self, task: Task, hosts: Sequence[str], *, handler: bool = False) -> list[str]:
        """Run a task on hosts, on as many at a time as there are forks; those that came through.

        Raises:
            PlayStopped: its failures end the play.
            StellaError: what is wrong with the playbook rather than with a host.
        """
        batch, run = self._batch, self._run
        once = self._is_once(task, hosts[0])
        chosen = hosts[:1] if once else hosts
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
                hosts=list(chosen),
            )
        )

        async def on(host: str) -> Outcome:
            async with run.slots:
                run.emit(HostStarted(time=time.time(), task_id=task_id, host=host))
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

    def _is_once(self, task: Task, host: str) -> bool:
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
            for name in share:
                batch.last_failure[name] = (task, outcome.result)
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
        if batch.play.max_fail_percentage is None or not any(outcome.status == "failed" for outcome in fallen):
            return
        # As in ansible-core, hosts that cannot be reached do not count, nor those that a rescue may take back.
        out = sum(batch.state(host).failed for host in batch.hosts)
        if not batch.guards and 100.0 * out / len(batch.hosts) > self._allowed_failures():
            self._run.emit(NoHostsLeft(time=time.time(), play=batch.play.title, reason="max_fail_percentage"))
            raise PlayStopped

    def _allowed_failures(self) -> float:
        play = self._batch.play
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
