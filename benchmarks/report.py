"""From runs to a table: medians, and how far each tool is from stella-ops."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tabulate import tabulate

BASE = "stella-ops"
_HEAD = (
    "tool", "median s", "from – to", f"× {BASE}", "asked", "CPU s", "largest process MiB", "all processes MiB", "done"
)  # fmt: skip
_RIGHT = ("left", "right", "right", "right", "right", "right", "right", "right", "right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measured run. ``wall`` and ``cpu`` are seconds, memory is KiB; ``problems`` tells what was not done."""

    part: str
    tool: str
    round: int
    hosts: int
    wall: float
    cpu: float
    rss_one: int
    rss_all: int
    load: float
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A tool's good runs of one part. ``ratio`` is its time over stella-ops's; None where there is no pair.

    Seconds, MiB; medians but for ``least`` and ``most``, which are wall times.
    """

    part: str
    tool: str
    wall: float
    least: float
    most: float
    ratio: float | None
    cpu: float
    rss_one: float
    rss_all: float
    good: int
    runs: int


def summarize(runs: Sequence[Run], part: str, tool: str) -> Summary | None:
    """The summary of a tool's runs of a part; None if it did the work in none of them.

    Runs with problems do not count. The ratio is the median over the rounds of (its time / stella-ops's time in
    the same round): noise of the machine that lasts longer than a round falls out.
    """
    mine = [run for run in runs if (run.part, run.tool) == (part, tool)]
    good = [run for run in mine if not run.problems]
    if not good:
        return None
    base = {run.round: run.wall for run in runs if (run.part, run.tool) == (part, BASE) and not run.problems}
    ratios = [run.wall / base[run.round] for run in good if run.round in base]
    return Summary(
        part=part,
        tool=tool,
        wall=statistics.median(run.wall for run in good),
        least=min(run.wall for run in good),
        most=max(run.wall for run in good),
        ratio=statistics.median(ratios) if ratios else None,
        cpu=statistics.median(run.cpu for run in good),
        rss_one=statistics.median(run.rss_one for run in good) / 1024,
        rss_all=statistics.median(run.rss_all for run in good) / 1024,
        good=len(good),
        runs=len(mine),
    )


def table(runs: Sequence[Run], part: str, tools: Sequence[str], asked: Mapping[str, float]) -> str:
    """A part as a Markdown table, a row a tool that ran it.

    Args:
        runs: all runs.
        part: the part's name.
        tools: the tools' names in the order of the rows.
        asked: the least ratio asked of stella-ops, by tool; a "!" marks one that was not reached.
    """
    rows = []
    for tool in tools:
        count = sum((run.part, run.tool) == (part, tool) for run in runs)
        summary = summarize(runs, part, tool)
        if summary is not None:
            rows.append(_row(summary, asked.get(tool)))
        elif count:
            rows.append([tool, *["–"] * (len(_HEAD) - 2), f"0/{count}"])
    return tabulate(rows, headers=_HEAD, tablefmt="github", colalign=_RIGHT, disable_numparse=True) if rows else ""


def _row(summary: Summary, asked: float | None) -> list[str]:
    missed = asked is not None and summary.ratio is not None and summary.ratio < asked
    return [
        summary.tool,
        f"{summary.wall:.2f}",
        f"{summary.least:.2f} – {summary.most:.2f}",
        "–" if summary.ratio is None else f"{summary.ratio:.2f}",
        "" if asked is None else f"≥ {asked:g}{' !' if missed else ''}",
        f"{summary.cpu:.2f}",
        f"{summary.rss_one:.0f}",
        f"{summary.rss_all:.0f}",
        f"{summary.good}/{summary.runs}",
    ]
