"""What ``set_stats`` gathered, for the end of a run: ansible-core's ``show_custom_stats``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stella_ops.console.results import to_text
from stella_ops.console.text import safe_line


class CustomStats:
    """Adds up the statistics of all hosts, each for itself where its task says so (``per_host``)."""

    def __init__(self) -> None:
        self._of: dict[str | None, dict[str, Any]] = {}

    def take(self, host: str, result: Mapping[str, Any]) -> None:
        """Take in the statistics of a result, and of the items of its loop."""
        items = result.get("results")
        for each in [result, *(items if isinstance(items, list) else [])]:
            stats = each.get("ansible_stats") if isinstance(each, Mapping) else None
            if not isinstance(stats, Mapping) or not isinstance(stats.get("data"), Mapping):
                continue
            known = self._of.setdefault(host if stats.get("per_host", True) else None, {})
            for name, value in stats["data"].items():
                if not stats.get("aggregate") or name not in known:
                    known[name] = value
                elif type(value) is type(known[name]):
                    known[name] = _added(known[name], value)

    def gathered(self) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
        """Those of each host that has some, and those of the whole run."""
        return {host: stats for host, stats in self._of.items() if host is not None}, self._of.get(None, {})

    def lines(self, *, indented: bool = True) -> Iterator[str]:
        """A line a host, then what is the whole run's; none where there are no statistics."""
        for host in sorted(name for name in self._of if name is not None):
            yield f"\t{safe_line(host)}: {_shown(self._of[host], indented)}"
        if None in self._of:
            yield ""
            yield f"\tRUN: {_shown(self._of[None], indented)}"


def _added(known: Any, more: Any) -> Any:
    if isinstance(known, dict):
        return {**known, **more}
    return known + more if isinstance(known, int | float | str | list) else more


def _shown(values: Mapping[str, Any], indented: bool) -> str:
    return to_text(dict(values), indent=1 if indented else None).replace("\n", "")
