"""Tasks with ``async`` that are waited for: what ansible-core tells of a job that it asks after time and again.

A connection that is kept needs no asking: the task is waited for, as long as it may take, and is no job of its own. It
is told of as one all the same.
"""

from __future__ import annotations

import asyncio
import math
import os
import secrets
from collections.abc import Awaitable, Callable

from stella_ops.engine.outcome import Result
from stella_ops.errors import TaskTimeoutError

# About what it takes ansible-core to ask once, in seconds: by then a job whose time is over has been ended.
_ASKING = 0.2
_WHERE = "~/.ansible_async"
_SILENT = {"stdout": "", "stdout_lines": [], "stderr": "", "stderr_lines": []}


def job_name() -> str:
    """A name that no other job has."""
    return f"j{secrets.randbelow(10**12)}.{os.getpid()}"


async def wait(
    working: Awaitable[Result], limit: float, poll: float, folder: object, polled: Callable[[str], None]
) -> Result:
    """The result of a task, as that of a job.

    Args:
        working: the task; it raises ``TaskTimeoutError`` when ``limit`` is over.
        limit, poll: seconds.
        folder: where jobs of the host have their files; None for ansible-core's own.
        polled: called with the job's name each ``poll`` seconds that it goes on.
    """
    job = job_name()
    known = {"ansible_job_id": job, "results_file": f"{folder or _WHERE}/{job}"}
    telling = asyncio.create_task(_tell(job, limit, poll, polled))
    try:
        result = await working
    except TaskTimeoutError:
        asked = math.ceil(limit / poll)
        if asked * (poll + _ASKING) > limit + 1.5 * _ASKING:
            result = {"failed": True, "msg": "Timeout exceeded"}
        else:
            text = f"async task did not complete within the requested time - {limit:g}s"
            still = {**known, "started": True, "finished": False, "changed": False}
            return {"failed": True, "changed": False, "msg": text, "ansible_job_id": job, "async_result": still}
    finally:
        telling.cancel()
    if not result.get("skipped"):
        result = {**_SILENT, **result}
    return {**result, **known, "started": True, "finished": True}


async def _tell(job: str, limit: float, poll: float, polled: Callable[[str], None]) -> None:
    left = limit - poll
    while left > 0:
        await asyncio.sleep(poll + _ASKING)
        polled(job)
        left -= poll
