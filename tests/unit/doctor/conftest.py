"""Checks, answers and reports to work with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stella_ops.doctor.checks import CheckSpec
from stella_ops.doctor.report import AgentInfo, DiagnosticReport, DoctorRun, Unreachable, build_report

START = datetime(2026, 1, 17, 21, 32, 8, 125000, tzinfo=UTC)


def spec(name: str = "Disk Space", category: str = "Resources", **more: Any) -> CheckSpec:
    identifier = name.lower().replace(" ", "-")
    return CheckSpec(
        name=name, id=identifier, category=category, module="doctor/" + identifier.replace("-", "_"), **more
    )


@pytest.fixture
def make_check() -> Callable[..., CheckSpec]:
    return spec


@pytest.fixture
def answer() -> Callable[..., dict[str, Any]]:
    """What a check's module returns."""

    def make(status: str = "healthy", message: str = "fine", **more: Any) -> dict[str, Any]:
        base = {"remediation_hint": None, "runbook_url": None, "data": {}, "failed": False, "changed": False}
        return {"status": status, "message": message, **base, **more}

    return make


@pytest.fixture
def report(answer: Callable[..., dict[str, Any]]) -> Callable[..., DiagnosticReport]:
    """A report whose checks ended with the given statuses or answers."""

    def make(host: str, *results: Any, agent: AgentInfo | None = None) -> DiagnosticReport:
        answers = [
            (spec(f"Check {n}"), answer(r, f"it is {r}") if isinstance(r, str) else r, 12.4)
            for n, r in enumerate(results)
        ]
        return build_report(host, agent, answers, START, START + timedelta(seconds=1.5))

    return make


@pytest.fixture
def full_run(report: Callable[..., DiagnosticReport], answer: Callable[..., dict[str, Any]]) -> DoctorRun:
    """One host of each kind, with everything that a document can hold."""
    expired = answer(
        "critical",
        "Certificate expired on 2026-01-01 00:00:00Z",
        remediation_hint="Run 'stella agent renew-cert' or restart agent for auto-renewal",
        runbook_url="https://docs.stella-ops.org/runbooks/agent-cert-expired",
        data={"expires_in_days": -16.9, "path": "/var/lib/stella-agent/identity/agent.crt"},
    )
    answers = [
        (spec("Certificate Expiry", "Security"), expired, 31.0),
        (spec("Docker Connectivity", "Runtime"), answer("warning", "old"), 3.0),
        (spec("DNS Resolution", "Network"), RuntimeError("it hung"), 10000.0),
        (spec("Disk Space"), answer(), 2.0),
    ]
    sick = build_report("web-02", AgentInfo("a1", "web-two"), answers, START, START + timedelta(seconds=10))
    return DoctorRun(
        [report("web-01", "healthy", "healthy"), sick],
        [Unreachable("web-03", "Connection refused", "is sshd running?"), Unreachable("web-04", "timed out")],
    )
