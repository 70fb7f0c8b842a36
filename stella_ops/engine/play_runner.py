"""One play on one batch of hosts: facts, its three sections, blocks, handlers.

Blocks nest as the calls here do: hosts that fail in a block's body go through its rescue, all that entered go
through its always section, and those without a rescue leave the play.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterable, Sequence

from stella_ops.engine.batch import Batch
from stella_ops.engine.lockstep import Announcer, Lockstep, PlayStopped
from stella_ops.engine.meta import BatchEnded, run_meta
from stella_ops.engine.path import Path
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.tags import is_selected
from stella_ops.engine.task_runner import TaskRunner
from stella_ops.engine.variables import PlayVariables
from stella_ops.playbook.model import Block, Handler, Play, Step, Task


class PlayRunner:
    """Runs a play's sections on a batch.

    Args:
        hosts: the batch, in order.
        gather: the task that gathers facts, for batches that share it; made anew by default.
        tunnelling: the task that opens tunnels, likewise.
        announcer: tells of tasks.
        among: the hosts that go on side by side, where the batch is one of them; it has its slot already.

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
    ) -> None:
        self._run = run
        self._play = play
        self.stopped = False
        self._batch = Batch(run, play, variables, hosts)
        wanted = play.gather_facts is None or self._batch.flag(play.gather_facts)
        self._gather = (gather or gathering(play)) if wanted else None
        self._tunnelling = (tunnelling or opening_tunnels(play)) if run.tunnels is not None else None
        self._lockstep = Lockstep(
            self._batch,
            tasks,
            Path(play, self._gather),
            announcer or Announcer(run),
            contextlib.nullcontext() if among else run.slots,
            among,
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
                await self._flush_handlers()
        except BatchEnded:
            return True
        except PlayStopped:
            self.stopped = True
            if batch.flag(self._play.force_handlers):
                await self._flush_handlers(forced=True)
            return False
        finally:
            await self._lockstep.close()
        # ansible-core stops a rolling play when a batch is lost as a whole.
        return not all(batch.state(host).failed or batch.state(host).unreachable for host in batch.hosts)

    async def _open_tunnels(self) -> None:
        """Before anything else is done on a host; a tunnel lasts for all plays."""
        of_run = self._run.tunnels
        if self._tunnelling is None or of_run is None:
            return
        hosts = [host for host in self._batch.active() if of_run.tunnels.get(host) is None]
        if hosts:
            await self._lockstep.run(self._tunnelling, hosts)

    async def _gather_facts(self) -> None:
        gather, options, hosts = self._gather, self._run.options, self._batch.active()
        if gather is not None and hosts and is_selected(gather.inherited.tags, options.tags, options.skip_tags):
            await self._lockstep.run(gather, hosts)

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
        if not is_selected(task.inherited.tags, options.tags, options.skip_tags):
            return hosts
        if task.action == "meta":
            return await run_meta(task, hosts, self._batch, self._flush_handlers)
        return await self._lockstep.run(task, hosts)

    async def _block(self, block: Block, hosts: list[str]) -> list[str]:
        batch = self._batch
        stopped: PlayStopped | None = None
        batch.guards += bool(block.rescue)
        try:
            through = await self._steps(block.body, hosts)
        except PlayStopped as stop:
            through, stopped = [], stop
        finally:
            batch.guards -= bool(block.rescue)
        fallen = [host for host in hosts if batch.state(host).failed]
        if block.rescue and fallen:
            stopped = None
            try:
                through = batch.active(hosts) + await self._rescue(block, fallen)
            except PlayStopped as stop:
                through, stopped = [], stop
        if block.always:
            # Hosts that failed run it too; that they failed is not forgotten by it.
            failed = [host for host in hosts if batch.state(host).failed]
            batch.set_failed(failed, False)
            try:
                await self._steps(block.always, batch.active(hosts))
            finally:
                batch.set_failed(failed, True)
        if stopped is not None:
            raise stopped
        left = set(through)
        return [host for host in hosts if host in left and batch.state(host).active]

    async def _rescue(self, block: Block, fallen: list[str]) -> list[str]:
        for host in fallen:
            if host in self._batch.last_failure:
                task, result = self._batch.last_failure[host]
                self._batch.state(host).add_variables(
                    {
                        "ansible_failed_task": {"name": task.name or "", "action": task.action},
                        "ansible_failed_result": result,
                    }
                )
        self._batch.set_failed(fallen, False)
        return await self._steps(block.rescue, fallen)

    # -- handlers

    async def _flush_handlers(self, among: Collection[str] | None = None, *, forced: bool = False) -> None:
        """Run what was notified, in the order written. A handler may notify one below it; one above it waits
        for the next flush, as in ansible-core."""
        batch = self._batch
        among = None if among is None else set(among)
        forced = forced or batch.flag(self._play.force_handlers)
        for index in range(len(batch.notifications)):
            hosts = [h for h in batch.notifications.take(index, among) if self._may_handle(h, forced)]
            if hosts:
                await self._run_handler(batch.notifications[index], hosts)

    async def _run_handler(self, handler: Handler, hosts: list[str]) -> None:
        batch = self._batch
        failed = [host for host in hosts if batch.state(host).failed]
        batch.set_failed(failed, False)
        try:
            if handler.action == "meta":
                await run_meta(handler, hosts, batch, self._flush_handlers)
            else:
                await self._lockstep.run(handler, batch.active(hosts), handler=True)
        finally:
            batch.set_failed(failed, True)

    def _may_handle(self, host: str, forced: bool) -> bool:
        state = self._batch.state(host)
        return state.active or (forced and state.failed and not state.unreachable)


def gathering(play: Play) -> Task:
    """The task that gathers facts. It inherits from the play as any other does."""
    inherited = dataclasses.replace(play.inherited, tags=play.inherited.tags | {"always"})
    args = {"gather_subset": play.gather_subset} if play.gather_subset else {}
    return Task(name="Gathering Facts", action="setup", args=args, origin=play.origin, inherited=inherited)


def opening_tunnels(play: Play) -> Task:
    """The task that opens the tunnels of a play's hosts. Whom it becomes is the play's to say."""
    inherited = dataclasses.replace(play.inherited, when=[], tags=play.inherited.tags | {"always"}, run_once=None)
    return Task(name="Opening Tunnels", action="agent_tunnel", args={}, origin=play.origin, inherited=inherited)
