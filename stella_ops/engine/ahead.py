"""Tasks of one host that are begun before their turn, while the host still works on those before them.

A play's next tasks need no decision of the controller as long as nothing goes wrong and they use nothing that the
tasks before them find out. Such tasks are prepared and sent at once; the host runs each after the one before it,
and only if that one went well (``transport.base.Link``). What they answer waits here for their turn. So a row of
tasks costs one round trip, and the host never waits for the controller.

What can be seen from the playbook alone is looked up in ``Traits``. The rest shows when a task is prepared: a
variable that is not known yet raises ``NotYet`` (``Pending``), and the task is prepared again in its turn. Nothing
that is begun ahead may have an effect on the controller: lookups that run a program wait for their turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stella_ops.engine.begun import DEPTH, Begun, forget, is_full, meanwhile
from stella_ops.engine.outcome import Outcome
from stella_ops.engine.own_files import is_out_of_reach
from stella_ops.engine.pending import Pending
from stella_ops.engine.task_runner import TaskRunner
from stella_ops.engine.traits import Traits
from stella_ops.errors import NotYet
from stella_ops.playbook.model import Task
from stella_ops.transport.base import Link


@dataclass(slots=True)
class Ahead:
    """One host's tasks.

    Args:
        tasks: runs them.
        traits: tells which may lead or follow.
        select: whether a task takes part at all, by its tags.
    """

    host: str
    tasks: TaskRunner
    traits: Traits
    select: Callable[[Task], bool]
    _queue: deque[Begun[Task]] = field(default_factory=deque)
    _last_ended: float = 0.0
    _current: Task | None = None

    async def run(self, task: Task, task_id: int, path: Sequence[Task]) -> Outcome:
        """The outcome of a task whose turn has come.

        Args:
            path: the tasks after it, in the order they come when all goes well.
        """
        begun = self._take(task)
        if begun is None:
            begun = await self._begin_anew(task, task_id)
        elif begun.turn is not None:
            begun.turn.begin(task_id)
        try:
            try:
                outcome = await self._outcome(begun, path)
            except NotYet:
                begun = await self._begin_anew(task, task_id)
                outcome = await self._outcome(begun, path)
        except BaseException:
            begun.running.cancel()
            await asyncio.gather(begun.running, return_exceptions=True)
            raise
        if begun.stuck:
            # What was begun behind it went by what was known before it failed.
            await self.drop()
        # A task that was sent ahead has spent a part of its time in waiting for the one before; one that was decided
        # here ended long before that.
        outcome.duration = max(0.0, begun.ended - max(begun.began, self._last_ended))
        self._last_ended = max(begun.ended, self._last_ended)
        return outcome

    async def drop(self) -> None:
        """Forget what has begun and will not be needed; where a task failed, the host has skipped it already."""
        if self._queue:
            dropped, self._queue = self._queue, deque()
            await forget(dropped)

    def _take(self, task: Task) -> Begun[Task] | None:
        """The task, if it has begun and may be taken as it is."""
        self._current = task
        begun = self._queue.popleft() if self._queue and self._queue[0].unit is task else None
        return None if begun is not None and begun.undecided else begun

    async def _begin_anew(self, task: Task, task_id: int) -> Begun[Task]:
        await self.drop()
        return self._begin(task, task_id, None)

    async def _outcome(self, begun: Begun[Task], path: Sequence[Task]) -> Outcome:
        """What a task comes to; while it runs, those after it begin."""
        rest = self._rest(begun, path)
        if not rest:
            return await begun.running
        return await meanwhile(begun.running, self._look_ahead(begun, rest))

    def _begin(self, task: Task, task_id: int | None, previous: Begun[Task] | None) -> Begun[Task]:
        link = Link(previous.link if previous is not None else None)
        pending = self._pending(previous)
        turn = self.tasks.turn(task_id)
        running = self.tasks.run(task, self.host, turn, link=link, pending=pending)
        return Begun(task, link, asyncio.create_task(running), previous, turn)

    def _pending(self, previous: Begun[Task] | None) -> Pending | None:
        """What the tasks that are before it will set."""
        if previous is None:
            return None
        before = [begun.unit for begun in self._queue]
        if self._current is not None:
            before.append(self._current)
        names = frozenset(task.register for task in before if task.register)
        return Pending(names, facts=any(map(self.traits.gathers_facts, before)), here=previous.link.here is not None)

    def _rest(self, current: Begun[Task], path: Sequence[Task]) -> Sequence[Task]:
        """The part of the path that may begin now: what lies behind the last task that has begun."""
        last = self._queue[-1] if self._queue else current
        if len(self._queue) >= DEPTH // 2 or (last is not current and last.stuck):
            return ()
        at = 0
        if last is not current:
            at = next((index for index, task in enumerate(path, 1) if task is last.unit), len(path))
        while at < len(path) and not self.select(path[at]):
            at += 1
        return path[at:]

    async def _look_ahead(self, current: Begun[Task], rest: Sequence[Task]) -> None:
        """Begin what may be begun behind the task whose turn it is."""
        last = self._queue[-1] if self._queue else current
        for task in rest:
            if not self.select(task):
                continue
            if not self.traits.may_lead(last.unit) or not self.traits.may_follow(task):
                return
            await last.link.sent.wait()
            if last.stuck or not last.link.final or is_full(self._queue):
                return
            account = last.link.here
            if account is not None and self.traits.reads_controller(task) and not is_out_of_reach(task, account):
                return
            begun = self._begin(task, None, last)
            self._queue.append(begun)
            last = begun
