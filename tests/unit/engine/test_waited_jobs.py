"""Tasks with ``async`` that are waited for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stella_ops.engine.waited_jobs import wait
from stella_ops.errors import TaskTimeoutError


async def test_its_result_is_that_of_a_job() -> None:
    async def work() -> dict[str, Any]:
        return {"changed": True, "stdout": "x", "stdout_lines": ["x"]}

    found = await wait(work(), 10, 1, None, lambda job: None)
    job = found.pop("ansible_job_id")
    assert found.pop("results_file") == f"~/.ansible_async/{job}"
    assert found == {
        "changed": True,
        "finished": True,
        "started": True,
        "stdout": "x",
        "stdout_lines": ["x"],
        "stderr": "",
        "stderr_lines": [],
    }


async def test_it_is_told_that_it_goes_on() -> None:
    told: list[str] = []
    twice = asyncio.Event()

    def polled(job: str) -> None:
        told.append(job)
        if len(told) == 2:
            twice.set()

    async def work() -> dict[str, Any]:
        await twice.wait()
        return {"skipped": True}

    found = await wait(work(), 60, 0.001, "/jobs", polled)
    assert set(told) == {found["ansible_job_id"]} and "stdout" not in found
    assert found["results_file"].startswith("/jobs/j")


@pytest.mark.parametrize(("limit", "poll", "said"), [(1, 1, "async task did not complete"), (2, 1, "Timeout exceeded")])
async def test_its_time_is_over(limit: float, poll: float, said: str) -> None:
    async def work() -> dict[str, Any]:
        raise TaskTimeoutError("over")

    found = await wait(work(), limit, poll, None, lambda job: None)
    assert found["failed"] and found["msg"].startswith(said)
    assert ("async_result" in found) == (limit == poll)
