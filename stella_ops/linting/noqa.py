"""Which lines of which files are silenced."""

from __future__ import annotations

import re

from stella_ops.origins import Origin
from stella_ops.places import source_lines

_NOQA = re.compile(r"#\s*noqa\b(?::\s*(?P<rules>[\w-]+(?:[\s,]+[\w-]+)*))?", re.IGNORECASE)


def silences(where: Origin, rule: str) -> bool:
    """Whether the line says ``# noqa``, for all rules or for this one."""
    lines = source_lines(where.source)
    if not 1 <= where.line <= len(lines):
        return False
    said = _NOQA.search(lines[where.line - 1])
    if said is None:
        return False
    return said["rules"] is None or rule in re.split(r"[\s,]+", said["rules"])
