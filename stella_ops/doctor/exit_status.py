"""The doctor's exit status: what a pipeline learns without reading the report.

0: every host is healthy. 1: all were looked at, and some are not healthy (a warning counts). 3: a host or a
check could not be looked at. (2 is wrong usage, as everywhere.)
"""

from __future__ import annotations

from stella_ops.doctor.report import DiagnosticReport, DoctorRun, HealthStatus

HEALTHY = 0
NOT_HEALTHY = 1
COULD_NOT_CHECK = 3


def exit_status(run: DoctorRun) -> int:
    """The exit status that a run deserves."""
    if run.unreachable or any(could_not_check(report) for report in run.reports):
        return COULD_NOT_CHECK
    if any(report.overall_status is not HealthStatus.HEALTHY for report in run.reports):
        return NOT_HEALTHY
    return HEALTHY


def could_not_check(report: DiagnosticReport) -> bool:
    """Whether a check of this host crashed, timed out or was not allowed to look."""
    return not report.results or any(result.status is HealthStatus.ERROR for result in report.results)
