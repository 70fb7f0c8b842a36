"""One play on one batch of hosts: facts, its three sections, blocks, handlers.

Blocks nest as the calls here do: hosts that fail in a block's body go through its rescue, all that entered go
through its always section, and those without a rescue leave the play.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Collection, Iterable, Sequence

from stella_ops.actions.gather_facts import FACTS_MODULES
from stella_ops.engine import plugins
from stella_ops.engine.batch import Batch
from stella_ops.engine.events import Warned
from stella_ops.engine.failed_task import failed_task
from stella_ops.engine.includes import Includes, explained
from stella_ops.engine.lockstep import Announcer, Lockstep, PlayStopped
from stella_ops.engine.meta import BatchEnded, PlayEnded, holds, run_meta, tell
from stella_ops.engine.outcome import Outcome
from stella_ops.engine.path import Path
from stella_ops.engine.positions import FACTS
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.tags import is_selected
from stella_ops.engine.task_runner import TaskRunner
from stella_ops.engine.variables import PlayVariables
from stella_ops.errors import ParseError, PlaybookError, ResumeError, StellaError
from stella_ops.playbook.model import Block, Handler, Play, Step, Task


class PlayRunner:
    """Runs a play's sections on a batch.

    Args:
        hosts: the batch, in order.
        gather: the task that gathers facts, for batches that share it; made anew by default.
        tunnelling: the task that opens tunnels, likewise.
        announcer: tells of tasks.
        among: the hosts that go on side by side, where the batch is one of them; it has its slot already.
        limited: whether ``any_errors_fatal`` and ``max_fail_percentage`` count.

    Attributes:
        stopped: the play is over because of failures.
    """

    def __init__(
        self,
        run: RunContext,
        play: Play,
        variables: PlayVariables,
        tasks: TaskRunner,
        hosts: Sequence[str],
        *,
        gather: Task | None = None,
        tunnelling: Task | None = None,
        announcer: Announcer | None = None,
        among: Sequence[str] = (),
        includes: Includes | None = None,
        throttles: dict[int, asyncio.Semaphore] | None = None,
        limited: bool = True,
    ) -> None:
        self._run = run
        self._play = play
        self._variables = variables
        self._includes = includes or Includes(run, variables, play)
        self._ended_roles: list[set[str]] = []
        self.stopped = False
        self._batch = Batch(run, play, variables, hosts, alone=bool(among))
        if play.gather_facts is None:
            wanted = run.options.gathering != "explicit"
        else:
            wanted = self._batch.flag("gather_facts", play.gather_facts)
        # The task that --start-at-task means: those before it are passed over.
        self._first = run.steps.first
        self._gather = (gather or gathering(play, others=other_facts(run, variables, hosts))) if wanted else None
        self._tunnelling = (tunnelling or opening_tunnels(play)) if run.tunnels is not None else None
        # What facts say of files with variables, no task can do without.
        leads_on = variables.files_waiting.isdisjoint(hosts)
        self._lockstep = Lockstep(
            self._batch,
            tasks,
            Path(play, self._gather if leads_on else None),
            announcer or Announcer(run),
            contextlib.nullcontext() if among else run.slots,
            among,
            throttles,
            limited=limited,
        )

    async def run_batch(self) -> bool:
        """Run everything on the batch; False when the whole run must stop after it.

        Raises:
            PlayEnded: the play is over, for the batches to come as well.
        """
        batch = self._batch
        for host in batch.hosts:
            batch.state(host).ended = False
        try:
            await self._open_tunnels()
            await self._gather_facts()
            for _, steps in self._play.sections():
                await self._steps(steps, batch.active())
                if self._does_always():
                    await self._flush_handlers()
                    # Who failed in a section has its forced handlers behind that one, and none behind others.
                    batch.lost_in_handlers.update(host for host in batch.hosts if batch.state(host).failed)
        except BatchEnded:
            self._end()
            return True
        except PlayEnded:
            self._end()
            raise
        except PlayStopped:
            self.stopped = True
            if self._forces_handlers() and self._does_always():
                await self._flush_handlers(forced=True)
            return False
        finally:
            await self._lockstep.close()
        self._end()
        # ansible-core stops a rolling play when a batch is lost as a whole.
        return not all(batch.state(host).failed or batch.state(host).unreachable for host in batch.hosts)

    def _end(self) -> None:
        """The hosts that are left came to the end of the play; but not one that did more before than was found now."""
        batch, journal = self._batch, self._run.journal
        through = [h for h in batch.hosts if not batch.state(h).failed and not batch.state(h).unreachable]
        lost = journal.unfinished(through)
        for host in lost:
            batch.state(host).count("failed")
            message = "what this host did in the interrupted run is not in the play any more: nothing was run on it"
            self._run.emit(Warned(time=time.time(), message=message, host=host, error=True))
        batch.set_failed(lost, True)
        journal.through([host for host in through if host not in lost])

    async def _open_tunnels(self) -> None:
        """Before anything else is done on a host; a tunnel lasts for all plays."""
        of_run = self._run.tunnels
        if self._tunnelling is None or of_run is None:
            return
        hosts = [host for host in self._batch.active() if of_run.tunnels.get(host) is None]
        hosts = [host for host in hosts if not self._run.journal.is_through(host)]
        if hosts:
            await self._lockstep.run(self._tunnelling, hosts)

    async def _gather_facts(self) -> None:
        gather, options, hosts = self._gather, self._run.options, self._batch.active()
        journal = self._run.journal
        if options.gathering == "smart":
            hosts = [host for host in hosts if not self._batch.state(host).gathered or journal.gathered(host)]
        if gather is not None and hosts and is_selected(gather.inherited.tags, options.tags, options.skip_tags):
            journal.place(FACTS, gather)
            await self._lockstep.run(gather, hosts)
            self._variables.facts_gathered(self._batch.active())

    # -- steps

    async def _steps(self, steps: Iterable[Step], hosts: Sequence[str]) -> list[str]:
        """Run steps in order; the hosts that came through all of them."""
        for step in steps:
            hosts = self._batch.active(hosts)
            if not hosts:
                break
            if isinstance(step, Block):
                hosts = await self._block(step, hosts)
            else:
                hosts = await self._task(step, hosts)
        return self._batch.active(hosts)

    async def _task(self, task: Task, hosts: list[str]) -> list[str]:
        options = self._run.options
        if self._first is not None:
            if task is not self._first:
                return hosts
            self._first = None
        if not is_selected(task.inherited.tags, options.tags, options.skip_tags):
            return hosts
        new = not all(self._run.journal.replays(host) for host in hosts)
        if task.action != "meta" and new and not self._run.steps.wants(self._batch.title(task)):
            return hosts
        if task.action == "meta":
            if str(task.args.get("_raw_params") or "").strip() == "end_role":
                return self._end_role(task, hosts)
            return await run_meta(task, hosts, self._batch, self._flush_handlers)
        if task.include is not None:
            return await self._include(task, hosts)
        return await self._lockstep.run(task, hosts)

    # -- includes and roles

    async def _include(self, task: Task, hosts: Sequence[str], *, handler: bool = False) -> list[str]:
        """Run an include, and what each host includes by it."""
        batch = self._batch
        outcomes: dict[str, Outcome] = {}
        await self._lockstep.run(task, hosts, handler=handler, collect=outcomes)
        ready = []
        among = set(hosts)
        in_order = [host for host in batch.hosts if host in among]
        for inclusion in self._includes.gather(task, outcomes, in_order):
            through = batch.active(list(inclusion.hosts))
            if not through:
                continue
            try:
                included = self._includes.read(task, inclusion, handler=handler)
            except ResumeError:
                raise  # no failure of a host
            except StellaError as problem:
                if isinstance(problem, ParseError) and self._ends_run(problem):
                    raise
                self._lockstep.fail(task, through, explained(problem, inclusion), problem)
                continue
            # Those that are not told of included it in the run that this one goes on with.
            told = [host for host in through if not outcomes[host].recalled]
            if told:
                self._lockstep.tell_included(included.label, told, inclusion)
            ready.append((included, through))
        for included, through in ready:
            plugins.of_included(batch.run, included.roles, included.steps)
            for group in included.handlers:
                self._adopt(group)
            for role in included.roles:
                self._variables.use_role(role)
            if handler:
                for step in included.steps:
                    assert isinstance(step, Handler)
                    left = batch.active(through)
                    if left:  # a handler before it may have failed on all of them
                        await self._run_handler(step, left)
            else:
                await self._steps(included.steps, through)
        return batch.active(hosts)

    def _ends_run(self, problem: ParseError) -> bool:
        """Whether what is wrong with an include is no failure of its hosts: it is there, and cannot be parsed."""
        return self._run.options.errors_in_turn and problem.exit_code == ParseError.exit_code

    def _adopt(self, handlers: list[Handler]) -> None:
        """Add the handlers of an included role, unless this very use of it has done so."""
        fresh = [handler for handler in handlers if not self._batch.notifications.has(handler)]
        if fresh:
            self._batch.notifications.extend(fresh, [self._batch.title(handler) for handler in fresh])

    async def _role(self, block: Block, hosts: list[str]) -> list[str]:
        """Run a block that stands for a role: once on each host."""
        role, batch = block.role, self._batch
        assert role is not None
        done = batch.roles_done.setdefault(role.key, set())
        left = hosts if role.allow_duplicates else [host for host in hosts if host not in done]
        ended: set[str] = set()
        self._ended_roles.append(ended)
        try:
            await self._steps(block.body, left)
        finally:
            self._ended_roles.pop()
            for host in ended:
                batch.state(host).role_ended = False
        begun = batch.roles_begun.get(role.key, set()) if self._does_always() else set()
        done.update(host for host in batch.active(left) if host in begun)
        return batch.active(hosts)

    def _does_always(self) -> bool:
        """Whether what is done without being written is done: that handlers run, and that a role has been.

        As in ansible-core these are tasks with the tag ``always``, which ``--skip-tags`` may name.
        """
        return is_selected({"always"}, self._run.options.tags, self._run.options.skip_tags)

    def _end_role(self, task: Task, hosts: list[str]) -> list[str]:
        if not self._ended_roles:
            raise PlaybookError("Cannot execute 'end_role' from outside of a role", where=task.origin)
        for host in hosts:
            done = holds(task, host, self._batch)
            tell("end_role", task, host, self._batch, done=done)
            if done:
                self._batch.state(host).role_ended = True
                self._ended_roles[-1].add(host)
        return self._batch.active(hosts)

    async def _block(self, block: Block, hosts: list[str]) -> list[str]:
        batch = self._batch
        if block.role is not None:
            return await self._role(block, hosts)
        stopped: PlayStopped | None = None
        rescue = self._is_any_selected(block.rescue)
        batch.guards += rescue
        try:
            through = await self._steps(block.body, hosts)
        except PlayStopped as stop:
            through, stopped = [], stop
        finally:
            batch.guards -= rescue
        fallen = [host for host in hosts if batch.state(host).failed]
        if rescue and fallen:
            stopped = None
            try:
                through = batch.active(hosts) + await self._rescue(block, fallen)
            except PlayStopped as stop:
                through, stopped = [], stop
        if block.always:
            # Hosts that failed run it too; that they failed is not forgotten by it.
            failed = [host for host in hosts if batch.state(host).failed]
            fallen = [host for host in failed if not batch.state(host).fallen]
            batch.set_fallen(fallen, True)
            batch.set_failed(failed, False)
            batch.forgiven.difference_update(failed)
            try:
                await self._steps(block.always, batch.active(hosts))
            finally:
                batch.set_fallen(fallen, False)
                batch.set_failed([host for host in failed if host not in batch.forgiven], True)
            if batch.forgiven:
                through = [*through, *batch.forgiven.intersection(failed)]
        if stopped is not None:
            raise stopped
        if rescue:
            self._lockstep.check_limits_of_run()
        left = set(through)
        return [host for host in hosts if host in left and batch.state(host).active]

    def _is_any_selected(self, steps: Sequence[Step]) -> bool:
        """Whether tags leave any of some steps; a section of which they leave none is none."""
        options = self._run.options
        return any(
            self._is_any_selected((*step.body, *step.rescue, *step.always))
            if isinstance(step, Block)
            else is_selected(step.inherited.tags, options.tags, options.skip_tags)
            for step in steps
        )

    async def _rescue(self, block: Block, fallen: list[str]) -> list[str]:
        for host in fallen:
            if host in self._batch.last_failure:
                failure = self._batch.last_failure[host]
                name = self._batch.told_title(failure.task, host) if failure.task.name else ""
                self._batch.state(host).add_variables(
                    {
                        "ansible_failed_task": failed_task(failure.task, name, failure.arguments, failure.delegate),
                        "ansible_failed_result": failure.result,
                    }
                )
        self._batch.set_failed(fallen, False)
        self._batch.lost_in_handlers.difference_update(fallen)
        return await self._steps(block.rescue, fallen)

    # -- handlers

    async def _flush_handlers(self, among: Collection[str] | None = None, *, forced: bool = False) -> None:
        """Run what was notified, in the order written. A handler may notify one below it; one above it waits
        for the next flush, as in ansible-core."""
        batch = self._batch
        among = None if among is None else set(among)
        forced = forced or self._forces_handlers()
        batch.notifications.settle(among)
        for index in range(len(batch.notifications)):
            # What a host that has failed was to run waits: a rescue may bring it back.
            able = [host for host in batch.hosts if (among is None or host in among) and self._may_handle(host, forced)]
            notified = set(batch.notifications.take(index, able))
            if notified:
                await self._run_handler(batch.notifications[index], [host for host in able if host in notified])

    async def _run_handler(self, handler: Handler, hosts: list[str]) -> None:
        batch = self._batch
        failed = [host for host in hosts if batch.state(host).failed]
        batch.set_failed(failed, False)
        try:
            if handler.action == "meta":
                if str(handler.args.get("_raw_params") or "").strip() == "flush_handlers":
                    problem = PlaybookError("flush_handlers cannot be used as a handler", where=handler.origin)
                    problem.exit_code = 1
                    raise problem
                await run_meta(handler, hosts, batch, self._flush_handlers)
            elif handler.include is not None:
                await self._include(handler, batch.active(hosts), handler=True)
            else:
                await self._lockstep.run(handler, batch.active(hosts), handler=True)
        finally:
            batch.lost_in_handlers.update(host for host in hosts if batch.state(host).failed)
            batch.set_failed(failed, True)

    def _forces_handlers(self) -> bool:
        written = self._play.force_handlers
        return self._batch.flag("force_handlers", self._run.options.force_handlers if written is None else written)

    def _may_handle(self, host: str, forced: bool) -> bool:
        state = self._batch.state(host)
        if host in self._batch.lost_in_handlers and state.failed:
            return False
        return state.active or (forced and state.failed and not state.unreachable)


def other_facts(run: RunContext, variables: PlayVariables, hosts: Sequence[str]) -> bool:
    """Whether other modules than ``setup`` may be wanted for facts; of the hosts the first speaks for all."""
    return tuple(run.options.facts_modules) != ("smart",) or any(
        FACTS_MODULES in variables.of(host) for host in hosts[:1]
    )


def gathering(play: Play, *, others: bool = False) -> Task:
    """The task that gathers facts, by ``setup`` or ``others``. It inherits from the play as any other does."""
    inherited = dataclasses.replace(play.inherited, tags=play.inherited.tags | {"always"})
    written = {"gather_subset": play.gather_subset, "gather_timeout": play.gather_timeout, "fact_path": play.fact_path}
    args = {name: value for name, value in written.items() if value}
    action = "gather_facts" if others else "setup"
    return Task(name="Gathering Facts", action=action, args=args, origin=play.origin, inherited=inherited, gathers=True)


def opening_tunnels(play: Play) -> Task:
    """The task that opens the tunnels of a play's hosts. Whom it becomes is the play's to say."""
    inherited = dataclasses.replace(play.inherited, when=[], tags=play.inherited.tags | {"always"}, run_once=None)
    return Task(name="Opening Tunnels", action="agent_tunnel", args={}, origin=play.origin, inherited=inherited)
