"""``inventory_hostnames``: the hosts that a pattern means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stella_ops.errors import StellaError
from stella_ops.templating.lazy import finalize, plain_text
from stella_ops.templating.scope import NOT_THERE

Select = Callable[[Mapping[str, list[str]], list[str]], list[str]]
_select: list[Select] = []


def select_with(select: Select) -> None:
    """Say how a pattern is read, which is the inventory's business.

    Args:
        select: takes the hosts of each group, and patterns; gives host names.
    """
    _select[:] = [select]


def inventory_hostnames(scope: Any, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The names of the hosts that patterns mean, such as ``all:!web``; nothing where they mean none."""
    groups = scope.lookup("groups")
    if groups is NOT_THERE or not _select:
        return []
    try:
        return list(_select[0](finalize(groups), [plain_text(term) for term in terms]))
    except StellaError:
        return []


LOOKUPS = {"inventory_hostnames": inventory_hostnames}
