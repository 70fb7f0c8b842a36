"""From a result that is not healthy to steps that an operator can take.

The patterns are the specification's ("Remediation Engine"), with a few of our own beside them. The first
pattern that matches a result counts; a critical result is always followed by a look at the logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any


class RemediationPriority(IntEnum):
    """How soon a step should be taken; the highest comes first."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationStep:
    """One thing to do.

    ``automated`` steps may be taken by the doctor itself; ``estimated_duration`` is in seconds.
    """

    id: str
    priority: RemediationPriority
    title: str
    description: str
    command: str | None = None
    runbook_url: str | None = None
    automated: bool = False
    estimated_duration: float | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RemediationStep:
        """The step that ``to_json`` wrote."""
        return cls(**{**data, "priority": RemediationPriority[data["priority"].upper()]})

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "priority": self.priority.name.lower(),
            "title": self.title,
            "description": self.description,
            "command": self.command,
            "runbook_url": self.runbook_url,
            "automated": self.automated,
            "estimated_duration": self.estimated_duration,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationPattern:
    """Which results a row of steps is for; None matches anything."""

    check: str
    steps: tuple[RemediationStep, ...]
    status: str | None = None
    message_contains: str | None = None

    def matches(self, check: str, status: str, message: str) -> bool:
        return (
            self.check == check
            and self.status in (None, status)
            and (self.message_contains is None or self.message_contains in message)
        )


_RESTART = RemediationStep(
    id="restart-agent",
    priority=RemediationPriority.HIGH,
    title="Restart Agent",
    description="Restart agent to apply new certificate",
    command="systemctl restart stella-agent",
)

_BOOTSTRAP = RemediationStep(
    id="bootstrap-agent",
    priority=RemediationPriority.CRITICAL,
    title="Bootstrap Agent",
    description="Install, enrol and configure the agent; what is already there is kept",
    command="stella-ops play bootstrap.yml",
)

_DNS = (
    RemediationStep(
        id="check-dns",
        priority=RemediationPriority.CRITICAL,
        title="Verify DNS Configuration",
        description="Check that DNS servers are configured and reachable",
        command="cat /etc/resolv.conf && nslookup orchestrator.example.com",
    ),
    RemediationStep(
        id="check-hosts",
        priority=RemediationPriority.HIGH,
        title="Check /etc/hosts",
        description="Verify no conflicting entries in hosts file",
        command="grep orchestrator /etc/hosts",
    ),
)

PATTERNS = (
    # Ahead of the specification's pattern: where no certificate ever was, there is none to renew.
    RemediationPattern(
        check="Certificate Expiry", status="critical", message_contains="No certificate", steps=(_BOOTSTRAP,)
    ),
    RemediationPattern(
        check="Certificate Expiry",
        status="critical",
        steps=(
            RemediationStep(
                id="renew-cert",
                priority=RemediationPriority.CRITICAL,
                title="Renew Agent Certificate",
                description="Agent certificate has expired and must be renewed",
                command="stella agent renew-cert --force",
                automated=True,
            ),
            _RESTART,
        ),
    ),
    RemediationPattern(check="Orchestrator Connectivity", message_contains="DNS resolution failed", steps=_DNS),
    RemediationPattern(check="DNS Resolution", message_contains="DNS resolution failed", steps=_DNS),
    RemediationPattern(
        check="Docker Connectivity",
        steps=(
            RemediationStep(
                id="check-docker-daemon",
                priority=RemediationPriority.CRITICAL,
                title="Check Docker Daemon",
                description="Verify Docker daemon is running",
                command="systemctl status docker",
            ),
            RemediationStep(
                id="check-docker-socket",
                priority=RemediationPriority.HIGH,
                title="Check Docker Socket Permissions",
                description="Verify agent has access to Docker socket",
                command="ls -la /var/run/docker.sock && groups stella-agent",
            ),
        ),
    ),
    RemediationPattern(check="Configuration Validity", message_contains="No configuration", steps=(_BOOTSTRAP,)),
    RemediationPattern(check="Heartbeat", message_contains="No heartbeat", steps=(_BOOTSTRAP,)),
    RemediationPattern(
        check="Heartbeat",
        status="critical",
        steps=(
            replace(
                _RESTART,
                priority=RemediationPriority.CRITICAL,
                description="Restart the agent, which does not run or gives no sign of life",
            ),
        ),
    ),
)

CHECK_LOGS = RemediationStep(
    id="check-logs",
    priority=RemediationPriority.HIGH,
    title="Check Agent Logs",
    description="Review agent logs for detailed error information",
    command="stella agent logs --tail 100",
)


class RemediationEngine:
    """Finds the steps for results."""

    def __init__(self, patterns: Sequence[RemediationPattern] = PATTERNS) -> None:
        self._patterns = patterns

    def steps(self, check: str, status: str, message: str, runbook_url: str | None = None) -> list[RemediationStep]:
        """The steps for one result that is not healthy."""
        found: list[RemediationStep] = []
        pattern = next((p for p in self._patterns if p.matches(check, status, message)), None)
        if pattern is not None:
            found.extend(pattern.steps)
        if status == "critical":
            found.append(replace(CHECK_LOGS, runbook_url=runbook_url))
        return found


def in_order(steps: Iterable[RemediationStep]) -> list[RemediationStep]:
    """By priority, then each id once: of steps with one id the most urgent is kept, of equals the first."""
    kept: dict[str, RemediationStep] = {}
    for step in sorted(steps, key=lambda step: -step.priority):
        kept.setdefault(step.id, step)
    return list(kept.values())
