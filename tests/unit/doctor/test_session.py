import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from stella_ops.content import module_path
from stella_ops.doctor.checks import load_checks
from stella_ops.doctor.report import AgentInfo
from stella_ops.doctor.session import diagnose
from stella_ops.errors import AuthenticationError, ModuleCrashError, TaskTimeoutError, UnreachableError


@pytest.fixture
def checks(make_check):
    return [make_check(f"Check {letter}", arguments=frozenset({"prefix"})) for letter in "ABC"]


async def test_all_at_once_and_in_order(checks, answer):
    arrived = asyncio.Barrier(len(checks))

    async def run_check(module, args, timeout):
        await arrived.wait()  # nobody gets past unless all are under way together
        return answer(message=module)

    report = await asyncio.wait_for(diagnose("h", run_check, checks), 5)
    assert [result.message for result in report.results] == [check.module for check in checks]
    assert report.overall_status == "healthy"


async def test_each_check_gets_the_arguments_it_knows(make_check, answer):
    seen = {}

    async def run_check(module, args, timeout):
        seen[module] = (dict(args), timeout)
        return answer()

    wanted = [
        make_check("A", arguments=frozenset({"prefix", "now"})),
        make_check("B", arguments=frozenset({"prefix"}), timeout=3.0),
        make_check("C"),
    ]
    await diagnose("h", run_check, wanted, args={"prefix": "/p", "now": 5})
    assert seen == {
        "doctor/a": ({"prefix": "/p", "now": 5}, 10.0),
        "doctor/b": ({"prefix": "/p"}, 3.0),
        "doctor/c": ({}, 10.0),
    }


@pytest.mark.parametrize(
    "problem", [ModuleCrashError("killed by signal 9"), TaskTimeoutError("too long"), KeyError("x"), TimeoutError()]
)
async def test_one_that_ends_badly_harms_no_other(checks, answer, problem):
    async def run_check(module, args, timeout):
        if module == "doctor/check_b":
            raise problem
        return answer()

    report = await diagnose("h", run_check, checks)
    assert [result.status for result in report.results] == ["healthy", "error", "healthy"]
    assert report.results[1].message.startswith("Check failed with exception: ")


@pytest.mark.parametrize("error", [UnreachableError, AuthenticationError])
async def test_a_lost_host_is_no_report(checks, answer, error):
    cancelled = []

    async def run_check(module, args, timeout):
        if module == "doctor/check_b":
            raise error("gone")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(module)
            raise

    with pytest.raises(error, match="gone"):
        await asyncio.wait_for(diagnose("h", run_check, checks), 5)
    assert sorted(cancelled) == ["doctor/check_a", "doctor/check_c"]


async def test_all_lose_the_host(checks):
    async def run_check(module, args, timeout):
        raise UnreachableError("gone")

    with pytest.raises(UnreachableError, match="gone"):
        await diagnose("h", run_check, checks)


async def test_cancelling_ends_every_check(checks):
    begun, ended = asyncio.Semaphore(0), []

    async def run_check(module, args, timeout):
        begun.release()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(module)

    visit = asyncio.create_task(diagnose("h", run_check, checks))
    for _ in checks:
        await begun.acquire()
    visit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await visit
    assert len(ended) == len(checks)


async def test_time_comes_from_outside(make_check, answer):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = iter([start, start + timedelta(seconds=2)])
    watch = iter([10.0, 11.25])

    async def run_check(module, args, timeout):
        return answer()

    report = await diagnose("h", run_check, [make_check()], clock=lambda: next(times), stopwatch=lambda: next(watch))
    assert (report.timestamp, report.duration_ms) == (start, 2000)
    assert report.results[0].duration_ms == 1250


async def test_the_real_checks_in_children_of_their_own(tmp_path):
    """A bare host, examined by the built-in checks as processes: what no agent means, to the letter."""
    program = (
        "import json, sys; from stella_ops.remote.lib.task import run_module;"
        "print(json.dumps(run_module(sys.argv[1], json.loads(sys.argv[2]))))"
    )

    async def run_check(module, args, timeout):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, str(module_path(module)), json.dumps(args), stdout=subprocess.PIPE
        )
        out, _ = await child.communicate()
        return json.loads(out)

    calm = {"warning_percent": 100, "critical_percent": 100.1, "warning_free_bytes": 0, "critical_free_bytes": 0}
    socket = f"unix://{tmp_path}/none.sock"
    given = {"prefix": str(tmp_path), "docker_host": socket, **calm}
    report = await diagnose("bare", run_check, load_checks(), args=given)
    assert {
        result.id: (result.status.value, result.message) for result in report.results if result.status != "healthy"
    } == {
        "certificate-expiry": ("critical", "No certificate found"),
        "certificate-validity": ("critical", "No certificate found"),
        "configuration-validity": ("critical", "No configuration found"),
        "heartbeat": ("critical", "No heartbeat found"),
    }
    assert report.agent == AgentInfo(None, None)
    assert [step.id for step in report.remediations] == ["bootstrap-agent", "check-logs"]
    assert os.listdir(tmp_path) == []  # it looks and never changes
