"""The strategy ``pipelined``: each host goes through the play at its own pace, with its next tasks sent ahead.

As with ansible-core's ``free`` and ``host_pinned`` (``FreeRunner``), hosts do not wait for each other. As many hosts
as there are forks are at work, each from its first task to its last. What would need all hosts at one point has another
meaning than under ``linear``: ``run_once`` runs on each host, a failure under ``any_errors_fatal`` or beyond
``max_fail_percentage``, like ``meta: end_play``, keeps hosts from beginning, and leaves alone those at work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from stella_ops.engine.batch import Batch
from stella_ops.engine.events import Warned
from stella_ops.engine.includes import Includes
from stella_ops.engine.lockstep import Announcer
from stella_ops.engine.meta import PlayEnded
from stella_ops.engine.play_runner import PlayRunner, gathering, opening_tunnels, other_facts
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.task_runner import TaskRunner
from stella_ops.engine.variables import PlayVariables
from stella_ops.playbook.model import Play, Task, walk_tasks

_NO_LIMIT = "Using {} with the free strategy is not supported, as tasks are executed independently on each host"


class OnceAnnounced(Announcer):
    """Tells of each task when the first host comes to it, for all hosts."""

    def __init__(self, run: RunContext, hosts: Sequence[str]) -> None:
        super().__init__(run)
        self._hosts = list(hosts)
        self._ids: dict[int, tuple[int, str]] = {}

    def announce(self, batch: Batch, task: Task, hosts: Sequence[str], *, handler: bool) -> tuple[int, str]:
        known = self._ids.get(id(task))
        if known is None:
            known = self._ids[id(task)] = super().announce(batch, task, self._hosts, handler=handler)
        return known


class FreeAnnouncer(OnceAnnounced):
    """Says in ansible-core's words what has no meaning where no host waits for another, when a task is come to."""

    def announce(self, batch: Batch, task: Task, hosts: Sequence[str], *, handler: bool) -> tuple[int, str]:
        fatal = task.inherited.any_errors_fatal
        if self._run.options.any_errors_fatal if fatal is None else fatal:
            self._warn(_NO_LIMIT.format("any_errors_fatal"))
        if task.inherited.run_once:
            self._warn(
                "Using run_once with the free strategy is not currently supported. "
                "This task will still be executed for every host in the inventory list."
            )
        return super().announce(batch, task, hosts, handler=handler)

    def _warn(self, message: str) -> None:
        self._run.emit(Warned(time=time.time(), message=message))


class PipelinedRunner:
    """Runs a play's sections on a batch, each host by itself."""

    # Whether any_errors_fatal and max_fail_percentage keep hosts from beginning.
    limited = True
    announces: type[OnceAnnounced] = OnceAnnounced

    def __init__(
        self, run: RunContext, play: Play, variables: PlayVariables, tasks: TaskRunner, hosts: Sequence[str]
    ) -> None:
        self._run = run
        self._play = play
        self._variables = variables
        self._tasks = tasks
        self._hosts = list(hosts)
        self._announcer = self.announces(run, hosts)
        self._gather = gathering(play, others=other_facts(run, variables, hosts))
        self._tunnelling = opening_tunnels(play)
        self._includes = Includes(run, variables, play)
        self._throttles: dict[int, asyncio.Semaphore] = {}
        self._over = False
        self._ended: PlayEnded | None = None
        self._left_out: list[str] = []

    @property
    def stopped(self) -> bool:
        """Whether the play is over because of failures."""
        return self._over

    async def run_batch(self) -> bool:
        """Run everything on the batch; False when the whole run must stop after it.

        Raises:
            PlayEnded: the play is over, for the batches to come as well.
        """
        self._warn_of_what_differs()
        try:
            async with asyncio.TaskGroup() as group:
                for host in self._hosts:
                    group.create_task(self._host(host))
        except BaseExceptionGroup as problems:
            raise problems.exceptions[0] from None
        if self._over and self._left_out:
            message = f"failures ended the play before these hosts began: {', '.join(self._left_out)}"
            self._run.emit(Warned(time=time.time(), message=message))
        if self._ended is not None:
            raise self._ended
        if self._over:
            return False
        states = [self._run.state(host) for host in self._hosts]
        return not all(state.failed or state.unreachable for state in states)

    async def _host(self, host: str) -> None:
        async with self._run.slots:
            if self._over or self._ended is not None:
                self._left_out.append(host)
                return
            runner = PlayRunner(
                self._run,
                self._play,
                self._variables,
                self._tasks,
                [host],
                gather=self._gather,
                tunnelling=self._tunnelling,
                announcer=self._announcer,
                among=self._hosts,
                includes=self._includes,
                throttles=self._throttles,
                limited=self.limited,
            )
            try:
                await runner.run_batch()
            except PlayEnded as ended:
                self._ended = ended
            self._over = self._over or runner.stopped

    def _warn_of_what_differs(self) -> None:
        steps = [step for _, section in self._play.sections() for step in section]
        for task in walk_tasks(steps):
            if task.inherited.run_once not in (None, False):
                message = "run_once has no meaning under 'strategy: pipelined': the task runs on each host"
                self._run.emit(Warned(time=time.time(), message=message, where=str(task.origin)))
                return


class FreeRunner(PipelinedRunner):
    """``free`` and ``host_pinned``: failures of one host are nothing to the others, as in ansible-core."""

    limited = False
    announces = FreeAnnouncer

    def _warn_of_what_differs(self) -> None:
        if self._play.max_fail_percentage is not None:
            self._run.emit(Warned(time=time.time(), message=_NO_LIMIT.format("max_fail_percentage")))
