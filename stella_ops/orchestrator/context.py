"""What the operations work with: the fleet's services, the server's identity, threads, log and metrics."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from stella_ops.agents.fleet import Fleet
from stella_ops.orchestrator.bells import Bells
from stella_ops.orchestrator.journal import Journal
from stella_ops.orchestrator.limits import RateLimit
from stella_ops.orchestrator.metrics import Metrics
from stella_ops.orchestrator.release import Releases

P = ParamSpec("P")
T = TypeVar("T")

# SQLite lets one write at a time: more threads would only stand in its queue, which is no queue but a lottery.
THREADS = 6


@dataclass(slots=True, kw_only=True)
class Orchestrator:
    """One running server.

    Attributes:
        fleet: its services must have been opened (``open_services``): what opens them is not safe for threads.
        url: what agents call.
        strangers: the rate limit of those who show neither certificate nor key.
        most_body: bytes of a stranger's body.
        refusal_time: seconds after which an exchange of a token is refused, whatever the reason.
    """

    fleet: Fleet
    url: str
    journal: Journal
    metrics: Metrics
    strangers: RateLimit
    most_body: int
    releases: Releases
    refusal_time: float = 0.25
    bells: Bells = field(default_factory=Bells)
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="orchestrator")
    )

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that blocks in a worker thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, functools.partial(function, *args, **kwargs))


def open_services(fleet: Fleet) -> None:
    """Open the services that threads will share."""
    for name in ("store", "authority", "tokens", "enrolment", "exchange", "registry", "configurations"):
        getattr(fleet, name)
    for name in ("checkin", "operators", "package", "release_key", "bootstrap"):
        getattr(fleet, name)
