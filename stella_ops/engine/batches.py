"""``serial``: the hosts of a play in the portions that were asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin


def batches(hosts: Sequence[str], serial: Any, where: Origin | None = None) -> list[list[str]]:
    """Split hosts by a number, a percentage ("30%"), or a list of those whose last entry repeats.

    Raises:
        PlaybookError: a value that is no such thing.
    """
    steps = serial if isinstance(serial, list) else [serial]
    if serial is None or not steps:
        return [list(hosts)]
    sizes = [_size(step, len(hosts), where) for step in steps]
    if not hosts:
        return []
    left = list(hosts)
    made: list[list[str]] = []
    turn = 0
    while left:
        size = sizes[min(turn, len(sizes) - 1)]
        turn += 1
        if size <= 0:  # 0 means: all that are left
            size = len(left)
        made.append(left[:size])
        left = left[size:]
    return made


def _size(step: Any, total: int, where: Origin | None) -> int:
    percentage = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", step) if isinstance(step, str) else None
    if percentage:
        return max(1, int(float(percentage[1]) / 100 * total))
    try:
        if isinstance(step, bool):
            raise ValueError
        return int(step)
    except (TypeError, ValueError):
        raise PlaybookError(
            f"serial cannot be {step!r}",
            where=where,
            hint="a number of hosts, a percentage, or a list of those",
        ) from None
