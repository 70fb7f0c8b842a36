"""Meta tasks: what a playbook says to the engine itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from stella_ops.engine.batch import Batch
from stella_ops.errors import PlaybookError
from stella_ops.playbook.model import Task
from stella_ops.spelling import did_you_mean

KNOWN = (
    "flush_handlers",
    "noop",
    "end_play",
    "end_batch",
    "end_host",
    "clear_host_errors",
    "clear_facts",
    "reset_connection",
    "refresh_inventory",
    "end_role",
)
# These concern all hosts, so that one condition, the first host's, decides for all.
_FOR_ALL = frozenset({"end_play", "end_batch", "clear_host_errors", "clear_facts", "refresh_inventory"})

FlushHandlers = Callable[[Sequence[str]], Awaitable[None]]


class PlayEnded(Exception):
    """The play ends for all hosts without a failure: ``meta: end_play``."""


class BatchEnded(Exception):
    """So does the batch alone: ``meta: end_batch``."""


async def run_meta(task: Task, hosts: Sequence[str], batch: Batch, flush: FlushHandlers) -> list[str]:
    """Do what a meta task says; the hosts that go on.

    Args:
        flush: runs the handlers that hosts notified.

    Raises:
        PlaybookError: an unknown word, or one without a meaning here.
        PlayEnded, BatchEnded: the play or batch is over.
    """
    what = str(task.args.get("_raw_params") or "").strip()
    if what not in KNOWN:
        raise PlaybookError(
            f"meta: '{what}' is not supported",
            where=task.origin,
            hint=did_you_mean(what, KNOWN) or f"known: {', '.join(KNOWN)}",
        )
    if what in _FOR_ALL:
        if holds(task, hosts[0], batch):
            _for_all(what, batch)
            if what == "clear_facts" and batch.run.kept_facts is not None:
                batch.run.kept_facts.forget([host for host in batch.hosts if not batch.run.journal.replays(host)])
                await batch.run.kept_facts.written()
        return batch.active(hosts)
    chosen = [host for host in hosts if holds(task, host, batch)]
    if what == "flush_handlers":
        if chosen:
            await flush(chosen)
    elif what == "end_host":
        for host in chosen:
            batch.state(host).ended = True
        batch.variables.forget()
    elif what == "reset_connection":
        # As after a change of the login user's groups: the next task connects anew.
        for host in chosen:
            await batch.run.pool.drop_host(host)
    return batch.active(hosts)


def holds(task: Task, host: str, batch: Batch) -> bool:
    """Whether the conditions of a meta task hold for a host."""
    view = batch.run.templar.lazy(batch.variables.of(host, task))
    return all(batch.run.templar.evaluate(condition, view) for condition in task.inherited.when)


def _for_all(what: str, batch: Batch) -> None:
    if what == "end_play":
        raise PlayEnded
    if what == "end_batch":
        raise BatchEnded
    if what == "refresh_inventory":
        if batch.run.reload is not None:
            batch.run.inventory.become(batch.run.reload())
        batch.variables.renew()
        return
    for host in batch.hosts:
        state = batch.state(host)
        if what == "clear_facts":
            state.clear_facts()
        else:
            state.failed = state.fallen = state.unreachable = False
            batch.forgiven.add(host)
    if what == "clear_host_errors":
        batch.run.journal.cleared(batch.hosts)
    batch.variables.changed()
