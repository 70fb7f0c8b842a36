"""Collects the doctor's reports from a run's events, with progress on a terminal."""

from __future__ import annotations

from typing import TextIO

from stella_ops.console.text import safe_line
from stella_ops.doctor.report import DiagnosticReport, DoctorRun, Unreachable
from stella_ops.engine.events import Event, HostFinished, RunStarted, Warned


class Collector:
    """A reporter that keeps reports instead of printing results.

    Args:
        errors: warnings and progress go here: standard output is the document's alone.
    """

    def __init__(self, errors: TextIO) -> None:
        self._errors = errors
        self._live = errors.isatty()
        self._total = 0
        self._reports: list[DiagnosticReport] = []
        self._unreachable: list[Unreachable] = []

    def handle(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, RunStarted):
            self._total = event.hosts_total
            self._progress()
        elif isinstance(event, Warned):
            host = f"{event.host}: " if event.host else ""
            # A message may quote a host.
            self._errors.write(f"[WARNING]: {safe_line(host + event.message)}\n")
        elif isinstance(event, HostFinished):
            self._finished(event)
            self._progress()

    def _finished(self, event: HostFinished) -> None:
        report = event.result.get("report")
        if isinstance(report, dict):
            self._reports.append(DiagnosticReport.from_json(report))
        else:
            said = str(event.result.get("msg") or "the host could not be checked")
            self._unreachable.append(Unreachable(event.host, said, event.hint))

    def _progress(self) -> None:
        if self._live:
            done = len(self._reports) + len(self._unreachable)
            self._errors.write(f"\r\x1b[K{done} of {self._total} hosts checked")
            self._errors.flush()

    def close(self) -> None:
        """Take the progress line away."""
        if self._live:
            self._errors.write("\r\x1b[K")
            self._errors.flush()

    def outcome(self) -> DoctorRun:
        """What was found, hosts in the order of their names."""
        return DoctorRun(
            sorted(self._reports, key=lambda report: report.host),
            sorted(self._unreachable, key=lambda host: host.host),
        )
