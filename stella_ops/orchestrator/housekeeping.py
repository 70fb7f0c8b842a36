"""What has to be done from time to time while the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from stella_ops.errors import StellaError
from stella_ops.orchestrator.context import Orchestrator
from stella_ops.store import agent_logs, agent_tasks

EVERY = timedelta(hours=1)
_KEEP_LOGS = timedelta(days=30)
_KEEP_TASKS = timedelta(days=30)


async def keep_house(desk: Orchestrator, renew: Callable[[], None], *, every: timedelta = EVERY) -> None:
    """Renew the server's certificate when it is due, and delete what is old; again and again until cancelled.

    Args:
        renew: looks after the certificate. It blocks, and says again which key this server answers with.
    """
    while True:
        await asyncio.sleep(every.total_seconds())
        for job in (renew, lambda: prune(desk)):
            try:
                await desk.call(job)
            except StellaError as problem:
                desk.journal.event("housekeeping", level="error", problem=problem.message, hint=problem.hint)
            except Exception as problem:  # a defect here is no reason to turn agents away
                desk.journal.event("housekeeping", level="error", problem=type(problem).__name__)


def prune(desk: Orchestrator) -> None:
    """Delete agents' log entries and tasks that are older than a month."""
    now = desk.fleet.clock()
    with desk.fleet.store.transaction() as connection:
        agent_logs.prune(connection, now - _KEEP_LOGS)
        agent_tasks.prune(connection, now - _KEEP_TASKS)
