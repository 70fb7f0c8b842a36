"""One visit of the doctor: all checks of a host at once, over a connection that the caller has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stella_ops.doctor.checks import CheckSpec
from stella_ops.doctor.report import AgentInfo, Answer, DiagnosticReport, build_report
from stella_ops.errors import UnreachableError

# Runs one module on the host in question and returns what it answered: (name as in ``CheckSpec.module``, its
# arguments, seconds after which it is killed). The caller binds session and become to it. It raises
# UnreachableError when the host cannot be reached, or no longer, and others when this one check did not end.
RunCheck = Callable[[str, Mapping[str, Any], float], Awaitable[Mapping[str, Any]]]


def utc_now() -> datetime:
    return datetime.now(UTC)


async def diagnose(
    host: str,
    run_check: RunCheck,
    checks: Sequence[CheckSpec],
    *,
    args: Mapping[str, Any] | None = None,
    agent: AgentInfo | None = None,
    clock: Callable[[], datetime] = utc_now,
    stopwatch: Callable[[], float] = time.perf_counter,
) -> DiagnosticReport:
    """Examine one host.

    A check that crashes or runs out of time ends as ``error`` in the report and harms no other.

    Args:
        host: name in the inventory.
        run_check: see ``RunCheck``.
        checks: from ``load_checks``.
        args: arguments for checks (``prefix``, thresholds); each gets those that it knows.
        agent: who the controller knows to be there; None to believe the host.
        clock: the time of the report, aware.
        stopwatch: seconds, for durations.

    Raises:
        UnreachableError: no connection to the host; the checks still running are given up.
    """
    given = args or {}

    async def answer(check: CheckSpec) -> Answer:
        known = {name: value for name, value in given.items() if name in check.arguments}
        begun = stopwatch()
        outcome: Mapping[str, Any] | BaseException
        try:
            outcome = await run_check(check.module, known, check.timeout)
        except UnreachableError:
            raise
        except Exception as problem:  # whatever one check dies of is that check's result
            outcome = problem
        return check, outcome, (stopwatch() - begun) * 1000

    started = clock()
    lost: UnreachableError | None = None
    tasks: list[asyncio.Task[Answer]] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer(check)) for check in checks]
    except* UnreachableError as many:
        lost = _first(many)
    if lost is not None:
        raise lost
    answers = [task.result() for task in tasks]
    return build_report(host, agent, answers, started, clock())


def _first(many: BaseExceptionGroup[UnreachableError]) -> UnreachableError:
    found: BaseException = many
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, UnreachableError)
    return found
