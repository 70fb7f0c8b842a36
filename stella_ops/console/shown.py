"""What of a run is shown as lines: ansible-core's settings of its default callback."""

from __future__ import annotations

from typing import NamedTuple


class Shown(NamedTuple):
    """Choices of the operator.

    Attributes:
        skipped: hosts that skip a task.
        ok: hosts on which nothing changed.
        failed_on_stderr: failures go to standard error.
        check_markers: headlines say that nothing is really changed.
        starts: a line for every host that begins a task.
        yaml: results are YAML below their line, in place of JSON behind it.
    """

    skipped: bool = True
    ok: bool = True
    failed_on_stderr: bool = False
    check_markers: bool = False
    starts: bool = False
    yaml: bool = False


EVERYTHING = Shown()
