"""The recap's line of a host, in ansible-core's columns."""

from __future__ import annotations

from stella_ops.console.stream import paint
from stella_ops.console.text import safe_line, width
from stella_ops.engine.events import HostTally

TALLY_STYLES = {  # in the order of the recap's columns
    "ok": "ok",
    "changed": "changed",
    "unreachable": "unreachable",
    "failed": "failed",
    "skipped": "skipped",
    "rescued": "ok",
    "ignored": "ignored",
}


def recap_line(host: str, tally: HostTally, *, color: bool = False) -> str:
    """One host's counts in the columns of ansible-core's recap; counts above zero may be painted."""
    name = safe_line(host)
    padding = " " * max(0, 26 - width(name))
    cells = []
    for key, style in TALLY_STYLES.items():
        count = getattr(tally, key)
        cell = f"{key}={count:<4}"
        cells.append(paint(cell, style) if color and count else cell)
    if color:
        worst = "failed" if tally.failed or tally.unreachable else "changed" if tally.changed else "ok"
        name = paint(name, worst)
    return f"{name}{padding} : {' '.join(cells)}"
