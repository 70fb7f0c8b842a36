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
        places: a line with the place of a task that fails.
        starts: a line for every host that begins a task.
        yaml: results are YAML below their line, in place of JSON behind it.
        sections: what commands wrote, and messages, stand as they are below the rest of a result.
        pretty: JSON over several lines always, or never; where it is None, where there is reason to.
        ignored: why a task failed is told where that is ignored, too.
        custom_stats: what set_stats gathered, below the recap.
        deprecated: what will go away one day.
        diff_context: how many lines stand around a change.
        recap_of_broken: the recap, where an error of the playbook ended the run.
        playbooks: their files, and how many plays each has; for their headlines.
        meta: a headline for each meta task and host, and a line for what was waited for in the background.
    """

    skipped: bool = True
    ok: bool = True
    failed_on_stderr: bool = False
    check_markers: bool = False
    starts: bool = False
    places: bool = False
    yaml: bool = False
    sections: bool = False
    pretty: bool | None = None
    ignored: bool = False
    custom_stats: bool = False
    diff_context: int = 3
    deprecated: bool = True
    recap_of_broken: bool = True
    meta: bool = False
    playbooks: tuple[tuple[str, int], ...] = ()

    @property
    def all_is_shown(self) -> bool:
        """Whether nothing is chosen: the live view shows what it shows by itself."""
        return self._replace(playbooks=()) == EVERYTHING


EVERYTHING = Shown()
