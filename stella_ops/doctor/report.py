"""What the doctor found on a host, and its JSON form ``stella.doctor/v1`` (docs/schemas/doctor.v1.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from stella_ops.doctor.checks import CheckSpec
from stella_ops.doctor.remediation import RemediationEngine, RemediationStep, in_order

REPORT_SCHEMA = "stella.doctor/v1"
RUN_SCHEMA = "stella.doctor-run/v1"


class HealthStatus(StrEnum):
    """How a check ended. ``ERROR``: it could not look, which is neither good nor bad news."""

    HEALTHY = "healthy"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def severity(self) -> int:
        """0 for healthy; the worst has the highest."""
        return list(HealthStatus).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheckResult:
    """One check's answer. ``data`` comes from the host: JSON types, never to be rendered as a template."""

    check: str
    id: str
    category: str
    status: HealthStatus
    message: str
    remediation_hint: str | None = None
    runbook_url: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    duration_ms: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "id": self.id,
            "category": self.category,
            "status": str(self.status),
            "message": self.message,
            "remediation_hint": self.remediation_hint,
            "runbook_url": self.runbook_url,
            "data": dict(self.data),
            "duration_ms": self.duration_ms,
        }


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """Who the agent on a host is; both None where there is none."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticReport:
    """All that was found on one host."""

    host: str
    agent: AgentInfo
    timestamp: datetime
    duration_ms: int
    overall_status: HealthStatus
    results: Sequence[HealthCheckResult]
    remediations: Sequence[RemediationStep]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DiagnosticReport:
        """The report that ``to_json`` wrote."""
        return cls(
            host=data["host"],
            agent=AgentInfo(data["agent_id"], data["agent_name"]),
            timestamp=datetime.fromisoformat(data["timestamp"]),
            duration_ms=data["duration_ms"],
            overall_status=HealthStatus(data["overall_status"]),
            results=[HealthCheckResult(**{**r, "status": HealthStatus(r["status"])}) for r in data["results"]],
            remediations=[RemediationStep.from_json(step) for step in data["remediations"]],
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": REPORT_SCHEMA,
            "host": self.host,
            "agent_id": self.agent.id,
            "agent_name": self.agent.name,
            "timestamp": _iso(self.timestamp),
            "duration_ms": self.duration_ms,
            "overall_status": str(self.overall_status),
            "results": [result.to_json() for result in self.results],
            "remediations": [step.to_json() for step in self.remediations],
        }


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A host that could not be looked at, and why."""

    host: str
    error: str
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"host": self.host, "error": self.error, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class DoctorRun:
    """What one call of the doctor found on all its hosts."""

    reports: Sequence[DiagnosticReport]
    unreachable: Sequence[Unreachable] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": RUN_SCHEMA,
            "reports": [report.to_json() for report in self.reports],
            "unreachable": [host.to_json() for host in self.unreachable],
        }


Answer = tuple[CheckSpec, Mapping[str, Any] | BaseException, float]


def build_report(
    host: str,
    agent: AgentInfo | None,
    answers: Iterable[Answer],
    started: datetime,
    finished: datetime,
    *,
    engine: RemediationEngine | None = None,
) -> DiagnosticReport:
    """The report on one host.

    Args:
        host: name in the inventory.
        agent: who the controller knows to be there; None to take what the host itself says.
        answers: for each check what its module returned, or the exception it ended in, and its duration in
            milliseconds.
        started, finished: aware times.
    """
    results = [result_of(*answer) for answer in answers]
    engine = engine or RemediationEngine()
    steps = [
        step
        for result in results
        if result.status is not HealthStatus.HEALTHY
        for step in engine.steps(result.check, result.status, result.message, result.runbook_url)
    ]
    return DiagnosticReport(
        host=host,
        agent=agent or _agent_said_by(results),
        timestamp=started,
        duration_ms=round((finished - started).total_seconds() * 1000),
        overall_status=overall_status(results),
        results=results,
        remediations=in_order(steps),
    )


def overall_status(results: Iterable[HealthCheckResult]) -> HealthStatus:
    """The worst of all; error when nothing was looked at."""
    return max((result.status for result in results), key=lambda s: s.severity, default=HealthStatus.ERROR)


def result_of(check: CheckSpec, answer: Mapping[str, Any] | BaseException, duration_ms: float) -> HealthCheckResult:
    """One check's result. What came from the host is believed only as far as it has a verdict's shape."""
    if isinstance(answer, BaseException):
        return _broken(check, str(answer) or type(answer).__name__, duration_ms)
    if answer.get("failed"):
        return _broken(check, str(answer.get("msg") or "no reason was given"), duration_ms)
    status, message, data = answer.get("status"), answer.get("message"), answer.get("data", {})
    if status not in list(HealthStatus) or not isinstance(message, str) or not isinstance(data, dict):
        return _broken(check, "the check's answer is no verdict", duration_ms)
    if not _is_plain(answer):
        return _broken(check, "the check's answer cannot be written as JSON", duration_ms)
    return HealthCheckResult(
        check=check.name,
        id=check.id,
        category=check.category,
        status=HealthStatus(status),
        message=message,
        remediation_hint=_text(answer.get("remediation_hint")),
        runbook_url=_text(answer.get("runbook_url")),
        data=data,
        duration_ms=round(duration_ms),
    )


def _broken(check: CheckSpec, reason: str, duration_ms: float) -> HealthCheckResult:
    return HealthCheckResult(
        check=check.name,
        id=check.id,
        category=check.category,
        status=HealthStatus.ERROR,
        message=f"Check failed with exception: {reason}",
        duration_ms=round(duration_ms),
    )


def _agent_said_by(results: Iterable[HealthCheckResult]) -> AgentInfo:
    said = [result.data for result in results]

    def first(key: str) -> str | None:
        return next((data[key] for data in said if isinstance(data.get(key), str)), None)

    return AgentInfo(first("agent_id"), first("agent_name"))


def _is_plain(answer: Mapping[str, Any]) -> bool:
    """Whether it holds JSON alone: no NaN, no lone surrogates, which Python's reader lets in."""
    try:
        json.dumps(dict(answer), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
