"""One play on one batch of hosts: every task on all hosts before the next (the linear strategy).

Blocks nest as the calls here do: hosts that fail in a block's body go through its rescue, all that entered go
through its always section, and those without a rescue leave the play.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from stella_ops.actions.registry import action
from stella_ops.engine.events import HandlerNotified, HostFinished, HostStarted, TaskStarted, Warned
from stella_ops.engine.handlers import Notifications
from stella_ops.engine.host_state import HostState
from stella_ops.engine.results import is_true
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.tags import is_selected
from stella_ops.engine.task_runner import Outcome, TaskRunner
from stella_ops.engine.variables import PlayVariables
from stella_ops.errors import PlaybookError, TemplateError
from stella_ops.origins import did_you_mean
from stella_ops.playbook.model import Block, Handler, Inherited, Play, Step, Task

_META = (
    "flush_handlers",
    "noop",
    "end_play",
    "end_host",
    "clear_host_errors",
    "clear_facts",
    "reset_connection",
)


class PlayStopped(Exception):
    """The play ends for all hosts: too many failed, or any_errors_fatal."""


class PlayEnded(Exception):
    """The play ends for all hosts without a failure: ``meta: end_play``."""


class PlayRunner:
    """Runs a play's sections on a batch.

    Args:
        hosts: the batch, in order.
    """

    def __init__(
        self,
        run: RunContext,
        play: Play,
        variables: PlayVariables,
        tasks: TaskRunner,
        hosts: Sequence[str],
    ) -> None:
        self._run = run
        self._play = play
        self._variables = variables
        self._tasks = tasks
        self._hosts = list(hosts)
        titles = [self._title(handler) for handler in play.handlers]
        self._notifications = Notifications(play.handlers, titles)
        self._rescuing: dict[str, tuple[Task, dict[str, Any]]] = {}
        # How many rescue sections enclose the running task; while there is one, a failure is not final.
        self._guards = 0

    # -- the play

    async def run_batch(self) -> bool:
        """Run everything on the batch; False when the whole play must stop after it."""
        for host in self._hosts:
            self._run.state(host).ended = False
        try:
            await self._gather_facts()
            for _, steps in self._play.sections():
                await self._steps(steps, self._active(self._hosts))
                await self._flush_handlers()
        except PlayEnded:
            return True
        except PlayStopped:
            if is_true(self._play.force_handlers):
                await self._flush_handlers(forced=True)
            return False
        # ansible-core stops a rolling play when a batch is lost as a whole.
        return not all(self._state(host).failed or self._state(host).unreachable for host in self._hosts)

    async def _gather_facts(self) -> None:
        play = self._play
        wanted = play.gather_facts
        if wanted is not None and not is_true(self._run.templar.render(wanted, self._variables.of(self._hosts[0]))):
            return
        keywords = play.inherited
        gather = Task(
            name="Gathering Facts",
            action="setup",
            args={"gather_subset": play.gather_subset} if play.gather_subset else {},
            origin=play.origin,
            inherited=Inherited(
                tags=frozenset({"always"}),
                become=keywords.become,
                become_user=keywords.become_user,
                become_method=keywords.become_method,
                connection=keywords.connection,
                remote_user=keywords.remote_user,
                port=keywords.port,
                environment=keywords.environment,
                ignore_unreachable=keywords.ignore_unreachable,
                any_errors_fatal=keywords.any_errors_fatal,
            ),
        )
        if is_selected(gather.inherited.tags, self._run.options.tags, self._run.options.skip_tags):
            await self._task(gather, self._active(self._hosts))

    # -- steps

    async def _steps(self, steps: Iterable[Step], hosts: list[str]) -> list[str]:
        """Run steps in order; the hosts that came through all of them."""
        for step in steps:
            hosts = self._active(hosts)
            if not hosts:
                break
            if isinstance(step, Block):
                hosts = await self._block(step, hosts)
            else:
                hosts = await self._task(step, hosts)
        return self._active(hosts)

    async def _block(self, block: Block, hosts: list[str]) -> list[str]:
        entered = list(hosts)
        guarded = bool(block.rescue)
        self._guards += guarded
        try:
            came_through = await self._steps(block.body, hosts)
            stopped: PlayStopped | None = None
        except PlayStopped as stop:
            came_through, stopped = [], stop
        finally:
            self._guards -= guarded
        if block.rescue:
            fallen = [host for host in entered if self._state(host).failed]
            if fallen:
                stopped = None
                came_through = [h for h in entered if h not in fallen and self._state(h).active]
                came_through += await self._rescue(block, fallen)
        if block.always:
            # Hosts that failed run it too; that they failed is not forgotten by it.
            failed = [host for host in entered if self._state(host).failed]
            for host in failed:
                self._state(host).failed = False
            self._variables.forget()
            try:
                await self._steps(block.always, self._active(entered))
            finally:
                for host in failed:
                    self._state(host).failed = True
                self._variables.forget()
        if stopped is not None:
            raise stopped
        through = set(came_through)
        return [host for host in entered if host in through and self._state(host).active]

    async def _rescue(self, block: Block, fallen: list[str]) -> list[str]:
        for host in fallen:
            self._state(host).failed = False
            if host in self._rescuing:
                task, result = self._rescuing[host]
                self._state(host).set_facts.update(
                    ansible_failed_task={"name": task.title, "action": task.action},
                    ansible_failed_result=result,
                )
        self._variables.forget()
        return await self._steps(block.rescue, fallen)

    # -- one task

    async def _task(self, task: Task, hosts: list[str]) -> list[str]:
        if not is_selected(task.inherited.tags, self._run.options.tags, self._run.options.skip_tags):
            return hosts
        if task.action == "meta":
            return await self._meta(task, hosts)
        return await self._everywhere(task, hosts)

    async def _everywhere(self, task: Task, hosts: list[str], handler: bool = False) -> list[str]:
        """Run a task on all hosts at once, as many as there are forks."""
        run = self._run
        once = self._is_once(task, hosts[0])
        chosen = hosts[:1] if once else hosts
        task_id = run.next_task_id()
        title = self._title(task)
        run.emit(
            TaskStarted(
                time=time.time(),
                task_id=task_id,
                task=title,
                action=task.action,
                origin=str(task.origin),
                handler=handler,
                hosts=chosen,
            )
        )

        async def on(host: str) -> Outcome:
            async with run.slots:
                run.emit(HostStarted(time=time.time(), task_id=task_id, host=host))
                outcome = await self._tasks.run(task, host, task_id)
            self._settle(task, task_id, title, host, hosts if once else [host], outcome)
            return outcome

        if len(chosen) == 1:
            outcomes = [await on(chosen[0])]
        else:
            outcomes = await _all(on(host) for host in chosen)
        self._check_limits(task, once, [o for o in outcomes if o.status in ("failed", "unreachable")])
        return self._active(hosts)

    def _settle(self, task: Task, task_id: int, title: str, host: str, share: list[str], outcome: Outcome) -> None:
        """What a host's outcome means for variables, counts and handlers."""
        run = self._run
        for name in share:
            state = self._state(name)
            if task.register:
                state.set_facts[task.register] = outcome.result
            for are_variables, values in outcome.additions:
                if are_variables:
                    state.set_facts.update(values)
                else:
                    state.add_facts(values)
        for name in outcome.notify:
            for sharer in share:
                for title_of in self._notifications.notify(name, sharer, task.origin):
                    run.emit(HandlerNotified(time=time.time(), host=sharer, handler=title_of))
        state = self._state(host)
        _count(state, outcome, guarded=self._guards > 0)
        if outcome.status == "failed":
            for name in share:
                self._state(name).failed = True
                self._rescuing[name] = (task, outcome.result)
            self._variables.forget()
        elif outcome.status == "unreachable":
            state.unreachable = True
            self._variables.forget()
        result = outcome.shown
        if result.get("warnings"):
            for text in result["warnings"]:
                run.emit(Warned(time=time.time(), message=str(run.scrub(text)), host=host))
        run.emit(
            HostFinished(
                time=time.time(),
                task_id=task_id,
                task=title,
                host=host,
                status=outcome.status,
                result=run.scrub(result),
                duration=outcome.duration,
                looped=outcome.looped,
                hint=run.scrub(outcome.hint),
                delegate=outcome.delegate,
            )
        )

    def _check_limits(self, task: Task, once: bool, fallen: list[Outcome]) -> None:
        if not fallen:
            return
        fatal = task.inherited.any_errors_fatal
        if once or (fatal is not None and is_true(self._run.templar.render(fatal, self._variables.of(self._hosts[0])))):
            for host in self._active(self._hosts):
                self._state(host).failed = True
            self._variables.forget()
            raise PlayStopped
        limit = self._play.max_fail_percentage
        if limit is not None and not self._guards:
            rendered = self._run.templar.render(limit, self._variables.of(self._hosts[0]))
            try:
                allowed = float(str(rendered).rstrip("% "))
            except ValueError:
                raise PlaybookError(
                    f"max_fail_percentage cannot be {rendered!r}",
                    where=self._play.origin,
                    hint="a number, 0 to 100",
                ) from None
            out = sum(1 for host in self._hosts if self._state(host).failed or self._state(host).unreachable)
            if 100.0 * out / len(self._hosts) > allowed:
                raise PlayStopped

    # -- handlers and meta

    async def _flush_handlers(self, forced: bool = False) -> None:
        forced = forced or is_true(self._play.force_handlers)
        index = 0
        while index < len(self._notifications):
            # A handler may notify one that stands before it; ansible-core leaves that to the next flush.
            hosts = [h for h in self._notifications.take(index) if self._may_handle(h, forced)]
            if hosts:
                handler = self._notifications[index]
                if handler.action == "meta":
                    await self._meta(handler, hosts)
                else:
                    await self._run_handler(handler, hosts, forced)
            index += 1

    async def _run_handler(self, handler: Handler, hosts: list[str], forced: bool) -> None:
        failed = [host for host in hosts if self._state(host).failed] if forced else []
        for host in failed:
            self._state(host).failed = False
        try:
            await self._everywhere(handler, self._active(hosts), handler=True)
        finally:
            for host in failed:
                self._state(host).failed = True

    def _may_handle(self, host: str, forced: bool) -> bool:
        state = self._state(host)
        return state.active or (forced and state.failed and not state.unreachable)

    async def _meta(self, task: Task, hosts: list[str]) -> list[str]:
        what = str(task.args.get("_raw_params") or "").strip()
        if what not in _META:
            raise PlaybookError(
                f"meta: '{what}' is not supported",
                where=task.origin,
                hint=did_you_mean(what, _META) or f"known: {', '.join(_META)}",
            )
        if what == "flush_handlers":
            await self._flush_handlers()
            return self._active(hosts)
        for host in hosts:
            variables = self._variables.of(host, task)
            if all(self._run.templar.evaluate(condition, variables) for condition in task.inherited.when):
                self._meta_on(what, host)
        return self._active(hosts)

    def _meta_on(self, what: str, host: str) -> None:
        state = self._state(host)
        if what == "end_play":
            raise PlayEnded
        if what == "end_host":
            state.ended = True
        elif what == "clear_facts":
            state.facts.clear()
            state.bare_facts.clear()
        elif what == "clear_host_errors":
            for name in self._hosts:
                self._state(name).failed = self._state(name).unreachable = False
            self._variables.forget()

    # -- small questions

    def _state(self, host: str) -> HostState:
        return self._run.state(host)

    def _active(self, hosts: Iterable[str]) -> list[str]:
        return [host for host in hosts if self._state(host).active]

    def _is_once(self, task: Task, host: str) -> bool:
        if getattr(action(task.action), "RUN_ONCE", False):
            return True
        value = task.inherited.run_once
        return value is not None and is_true(self._run.templar.render(value, self._variables.of(host, task)))

    def _title(self, task: Task) -> str:
        """A task's name for display: rendered where that is possible for the first host."""
        if not task.name:
            return task.action
        try:
            return str(self._run.templar.render(task.name, self._variables.of(self._hosts[0], task)))
        except TemplateError:
            return str(task.name)


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
        # An unreachable host that is ignored is counted as skipped there, a failed task as ok.
        if outcome.result.get("unreachable"):
            state.count("skipped")
            return
        state.count("ok")
        if outcome.result.get("changed"):
            state.count("changed")
        state.count("ignored")
