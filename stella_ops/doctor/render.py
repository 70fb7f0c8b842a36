"""A doctor's run as text: a table for people, JSON and YAML for programs. Pure functions.

What hosts say is shown without control characters: a host must not be able to move the cursor or recolour
the operator's terminal.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Final

from stella_ops.doctor.exit_status import could_not_check
from stella_ops.doctor.report import DiagnosticReport, DoctorRun, HealthCheckResult, HealthStatus, Unreachable

_SYMBOLS: Final = {
    HealthStatus.HEALTHY: ("✓", "32"),
    HealthStatus.WARNING: ("!", "33"),
    HealthStatus.CRITICAL: ("✗", "31"),
    HealthStatus.ERROR: ("?", "35"),
}

_Paint = Callable[[str, str], str]


def render_json(run: DoctorRun) -> str:
    """One JSON document, indented, with a newline at its end."""
    return json.dumps(run.to_json(), indent=2) + "\n"


def render_yaml(run: DoctorRun) -> str:
    """The same document as YAML."""
    import yaml  # only this format needs it

    return str(yaml.safe_dump(run.to_json(), sort_keys=False, allow_unicode=True, default_flow_style=False))


def render_table(run: DoctorRun, *, color: bool = False, hints: bool = True) -> str:
    """One section a host, then a line that sums up.

    Args:
        color: paint the statuses with ANSI colours.
        hints: below a host, what to do about it.
    """

    def paint(text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if color else text

    sections = [_section(report, paint, hints) for report in run.reports]
    sections += [_unreachable(host, paint, hints) for host in run.unreachable]
    sections.append([summary(run)])
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def summary(run: DoctorRun) -> str:
    """``3 hosts: 2 healthy, 1 not healthy, 0 could not be checked``: each host counts once."""
    total = len(run.reports) + len(run.unreachable)
    unchecked = len(run.unreachable) + sum(could_not_check(report) for report in run.reports)
    good = sum(report.overall_status is HealthStatus.HEALTHY and not could_not_check(report) for report in run.reports)
    hosts = "1 host" if total == 1 else f"{total} hosts"
    sick = total - good - unchecked
    return f"{hosts}: {good} healthy, {sick} not healthy, {unchecked} could not be checked"


def _section(report: DiagnosticReport, paint: _Paint, hints: bool) -> list[str]:
    _, code = _SYMBOLS[report.overall_status]
    agent = report.agent.name or report.agent.id
    who = f" ({clean(agent)})" if agent and agent != report.host else ""
    lines = [f"{paint(clean(report.host), '1')}{who}  {paint(report.overall_status.upper(), code)}"]
    width = max((len(clean(result.check)) for result in report.results), default=0)
    wide = max((len(result.status) for result in report.results), default=0)
    for result in report.results:
        lines.append(_line(result, width, wide, paint))
        if hints and result.status is not HealthStatus.HEALTHY:
            before = " " * (4 + wide + 2 + width + 2)
            for text in (result.remediation_hint, result.runbook_url):
                if text:
                    lines.append(f"{before}→ {clean(text)}")
    if hints and report.remediations:
        lines.append("  To do:")
        for number, step in enumerate(report.remediations, 1):
            command = f": {clean(step.command)}" if step.command else ""
            lines.append(f"  {number:>2}. {clean(step.title)}{command}")
    return lines


def _line(result: HealthCheckResult, width: int, wide: int, paint: _Paint) -> str:
    symbol, code = _SYMBOLS[result.status]
    status = paint(f"{symbol} {result.status:<{wide}}", code)
    return f"  {status}  {clean(result.check):<{width}}  {clean(result.message)}"


def _unreachable(host: Unreachable, paint: _Paint, hints: bool) -> list[str]:
    _, code = _SYMBOLS[HealthStatus.ERROR]
    lines = [f"{paint(clean(host.host), '1')}  {paint('UNREACHABLE', code)}", f"  {clean(host.error)}"]
    if hints and host.hint:
        lines.append(f"  → {clean(host.hint)}")
    return lines


def clean(text: str) -> str:
    """Text on one line, without characters that control a terminal or turn the direction of writing."""
    flat = " ".join(text.split())
    return "".join("�" if unicodedata.category(char) in ("Cc", "Cf", "Cs") else char for char in flat)
