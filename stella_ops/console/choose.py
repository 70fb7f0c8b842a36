"""The reporter that fits the output: live on a terminal, lines when piped, JSON when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TextIO

from stella_ops.console.shown import EVERYTHING, Shown
from stella_ops.console.stream import is_live_terminal, wants_color
from stella_ops.engine.events import Reporter

if TYPE_CHECKING:
    from stella_ops.console.live import FindPast

Output = Literal["auto", "lines", "json"]


def choose_reporter(
    kind: Literal["play", "run"],
    stream: TextIO,
    *,
    output: Output = "auto",
    verbosity: int = 0,
    errors: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
    shown: Shown = EVERYTHING,
    past: FindPast | None = None,
) -> Reporter:
    """Make the reporter of a run.

    Args:
        kind: ``play`` for a playbook, ``run`` for one module on many hosts.
        stream: where it prints, usually stdout.
        output: ``auto`` is live on a terminal and lines elsewhere; ``lines`` are lines on a terminal too.
        verbosity: the number of ``-v``.
        errors: for warnings; standard error by default.
        shown: what is left out of the lines of a playbook.
        past: finds an earlier run of the same playbooks, for an estimate.
        environ: in place of ``os.environ`` (``TERM``, ``NO_COLOR``, ``FORCE_COLOR``).
    """
    # Imported where they are needed, as each of the others would be loaded in vain.
    if output == "json":
        from stella_ops.console.jsonlines import JsonLinesReporter

        return JsonLinesReporter(stream)
    if output == "auto" and shown.all_is_shown and is_live_terminal(stream, environ):
        from stella_ops.console.live import LiveReporter

        return LiveReporter(stream, kind=kind, verbosity=verbosity, errors=errors, environ=environ, past=past)
    color = wants_color(stream, environ)
    if kind == "run":
        from stella_ops.console.adhoc import AdHocReporter

        return AdHocReporter(stream, verbosity=verbosity, color=color, errors=errors, shown=shown)
    from stella_ops.console.lines import LineReporter

    return LineReporter(stream, verbosity=verbosity, color=color, errors=errors, shown=shown)
