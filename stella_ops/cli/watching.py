"""Who watches what commands print while they run: ``--live``."""

from __future__ import annotations

import sys

from stella_ops.engine.events import Reporter


def output_watchers(wanted: bool | None, console: Reporter) -> tuple[list[Reporter], bool]:
    """Reporters to add to the console's, and whether hosts are to be asked for it at all.

    Args:
        wanted: ``--live`` or ``--no-live``; None where neither is given.
        console: what the operator watches: a terminal's live display shows it by itself, JSON lines have every event.
    """
    shows = bool(getattr(console, "shows_output", False))
    if wanted is None:
        return [], shows and not getattr(console, "only_when_asked", False)
    if not wanted or shows:
        return [], wanted
    from stella_ops.console.output import OutputLines

    return [OutputLines(sys.stderr)], True
