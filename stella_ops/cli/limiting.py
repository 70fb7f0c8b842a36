"""``--limit``: whether it leaves anybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stella_ops.errors import NoHostsLeftError, PatternError

if TYPE_CHECKING:
    from stella_ops.inventory.model import Inventory

_NONE_LEFT = "Specified inventory, host pattern and/or --limit leaves us with no hosts to target{}"


def check_limit(inventory: Inventory, limit: str | None) -> None:
    """Refuse a ``--limit`` that leaves no host of an inventory that has some.

    Raises:
        NoHostsLeftError: it does.
        PatternError: a part of it names nothing.
    """
    if limit is None or not inventory.hosts:
        return
    problem = None
    try:
        left = inventory.select("all", limit)
    except PatternError as found:
        problem = found
        left = inventory.select("all", limit, mismatch="ignore")
    if problem is not None and left:
        raise problem
    if problem is not None or (not left and not limit.startswith("@")):
        said = f": {problem.message}" if problem else ""
        raise NoHostsLeftError(
            _NONE_LEFT.format(said or "."),
            where="--limit",
            hint=problem.hint if problem else None,
        )


def check_left(inventory: Inventory, limit: str | None, hosts: Sequence[str]) -> None:
    """Refuse a ``--limit`` that leaves none of the hosts that a pattern means.

    Raises:
        NoHostsLeftError: it does.
    """
    if limit is not None and inventory.hosts and not hosts:
        raise NoHostsLeftError(_NONE_LEFT.format("."), where="--limit")
