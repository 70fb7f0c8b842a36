"""``serial``: how many hosts of a play go at a time, as written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stella_ops.origins import key_origin, origin_of
from stella_ops.playbook.keywords import is_template, spoken
from stella_ops.playbook.problems import Problems

_SIZE = re.compile(r"-?\d+|\d+%")


def check_serial(raw: Mapping[Any, Any], problems: Problems) -> None:
    """Note what of a play's ``serial`` is no number of hosts, no percentage and no template."""
    written = raw.get("serial")
    if written is None:
        return
    sizes = written if isinstance(written, list) else [written]
    for size in sizes:
        good = is_template(size) or (not isinstance(size, bool) and bool(_SIZE.fullmatch(str(size))))
        if not good:
            problems.add(
                f"'serial' must be a number of hosts, a percentage such as '30%', or a list of those, "
                f"not {spoken(size)}",
                where=origin_of(size) or key_origin(raw, "serial"),
            )
