"""Meta tasks: what a playbook says to the engine itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from stella_ops.collections import current
from stella_ops.engine.batch import Batch, with_role
from stella_ops.engine.events import MetaDone
from stella_ops.errors import PlaybookError
from stella_ops.playbook.model import Handler, Task
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


# Whatever their conditions say, they are done: so it is in ansible-core.
_UNCONDITIONAL = frozenset({"noop", "refresh_inventory", "reset_connection"})
_TOLD = {
    "noop": ("noop", ""),
    "flush_handlers": ("triggered running handlers for {host}", ", not running handlers for {host}"),
    "refresh_inventory": ("inventory successfully refreshed", ""),
    "clear_facts": ("facts cleared", ", not clearing facts and fact cache for {host}"),
    "clear_host_errors": ("cleared host errors", ", not clearing host error state for {host}"),
    "end_batch": ("ending batch", ", continuing current batch"),
    "end_play": ("ending play", ", continuing play"),
    "end_host": ("ending play for {host}", ", continuing execution for {host}"),
    "end_role": ("ending role {role} for {host}", "continuing role {role} for {host}"),
    "reset_connection": ("reset connection", ""),
}


def tell(what: str, task: Task, host: str, batch: Batch, *, done: bool) -> None:
    """Say that a meta task is done for a host, or passed over."""
    if batch.run.journal.replays(host):
        return
    role = task.inherited.role
    said = _TOLD[what][0] if done else f"{what} conditional evaluated to False{_TOLD[what][1]}"
    told = said.format(host=host, role="" if role is None else role.name)
    result: dict[str, object] = {}
    if not done:
        result = {"msg": told.replace("False", "false", 1) if what == "end_host" else what, "skip_reason": told}
    batch.run.emit(
        MetaDone(
            time=time.time(),
            task=with_role(task, str(task.name) if task.name else "meta"),
            origin=str(task.origin),
            handler=isinstance(task, Handler),
            host=host,
            told=told,
            skipped=not done,
            alone=batch.alone,
            result=result,
        )
    )


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
    if what in _UNCONDITIONAL and task.inherited.when:
        current().say(f"{what} task does not support when conditional")
    if what in _FOR_ALL:
        done = what in _UNCONDITIONAL or holds(task, hosts[0], batch)
        tell(what, task, hosts[0], batch, done=done)
        if done:
            _for_all(what, batch)
            if what == "clear_facts" and batch.run.kept_facts is not None:
                batch.run.kept_facts.forget([host for host in batch.hosts if not batch.run.journal.replays(host)])
                await batch.run.kept_facts.written()
        return batch.active(hosts)
    chosen = [host for host in hosts if what in _UNCONDITIONAL or holds(task, host, batch)]
    affected = set(chosen)
    for host in hosts:
        tell(what, task, host, batch, done=host in affected)
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
