"""From runs to a table: medians, how far each tool is from stella-ops, and what it sent over the wire."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from benchmarks.works.steps import Part

BASE = "stella-ops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What one run of a part carried over one host's connections: bytes, and round trips (an upper bound)."""

    tasks: int
    up: int
    down: int
    round_trips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measured run. ``wall`` and ``cpu`` are seconds, memory is KiB; ``problems`` tells what was not done.

    ``wire`` was counted in this run where that went through proxies, and in an earlier one on one host elsewhere.
    """

    part: str
    tool: str
    round: int
    hosts: int
    wall: float
    cpu: float
    rss_one: int
    rss_all: int
    load: float
    wire: Wire | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A tool's good runs of one part. ``ratio`` is its time over stella-ops's; None where there is no pair.

    ``added`` is what the delay cost against the part without it, None where there is none. Seconds, MiB; medians but
    for ``least`` and ``most``, which are wall times.
    """

    tool: str
    wall: float
    least: float
    most: float
    ratio: float | None
    added: float | None
    cpu: float
    rss_one: float
    rss_all: float
    bytes_a_task: float | None
    trips_a_task: float | None
    good: int
    runs: int


def summarize(runs: Sequence[Run], part: Part, tool: str) -> Summary | None:
    """The summary of a tool's runs of a part; None if it did the work in none of them.

    Runs with problems do not count. The ratio is the median over the rounds of (its time / stella-ops's time in
    the same round): noise of the machine that lasts longer than a round falls out. So it is with what a delay added.
    """
    count = sum((run.part, run.tool) == (part.name, tool) for run in runs)
    good = _good(runs, part.name, tool)
    if not good:
        return None
    base = {run.round: run.wall for run in _good(runs, part.name, BASE)}
    ratios = [run.wall / base[run.round] for run in good if run.round in base]
    undelayed = {run.round: run.wall for run in _good(runs, part.base, tool)} if part.base else {}
    added = [run.wall - undelayed[run.round] for run in good if run.round in undelayed]
    wires = [run.wire for run in good if run.wire is not None]
    return Summary(
        tool=tool,
        wall=statistics.median(run.wall for run in good),
        least=min(run.wall for run in good),
        most=max(run.wall for run in good),
        ratio=statistics.median(ratios) if ratios else None,
        added=statistics.median(added) if added else None,
        cpu=statistics.median(run.cpu for run in good),
        rss_one=statistics.median(run.rss_one for run in good) / 1024,
        rss_all=statistics.median(run.rss_all for run in good) / 1024,
        bytes_a_task=statistics.median((wire.up + wire.down) / wire.tasks for wire in wires) if wires else None,
        trips_a_task=statistics.median(wire.round_trips / wire.tasks for wire in wires) if wires else None,
        good=len(good),
        runs=count,
    )


def table(runs: Sequence[Run], part: Part, tools: Sequence[str]) -> str:
    """A part as a Markdown table, a row a tool that ran it, in the order of ``tools``.

    A "!" marks what was asked of stella-ops and not reached.
    """
    columns = _columns(part)
    rows = []
    for tool in tools:
        count = sum((run.part, run.tool) == (part.name, tool) for run in runs)
        summary = summarize(runs, part, tool)
        if summary is not None:
            rows.append([tool, *(cell(summary) for cell in columns.values())])
        elif count:
            rows.append([tool, *["–"] * (len(columns) - 1), f"0/{count}"])
    return (
        tabulate(
            rows,
            headers=["tool", *columns],
            tablefmt="github",
            colalign=["left", *["right"] * len(columns)],
            disable_numparse=True,
        )
        if rows
        else ""
    )


def _good(runs: Sequence[Run], part: str, tool: str) -> list[Run]:
    return [run for run in runs if (run.part, run.tool) == (part, tool) and not run.problems]


def _columns(part: Part) -> dict[str, Callable[[Summary], str]]:
    """The columns after the tool's name: what stands in each."""
    columns: dict[str, Callable[[Summary], str]] = {
        "median s": lambda got: _number(got.wall),
        "from – to": lambda got: f"{got.least:.2f} – {got.most:.2f}",
        f"× {BASE}": lambda got: _number(got.ratio),
    }
    if part.asked:
        columns["asked"] = lambda got: _least(got.ratio, part.asked.get(got.tool))
    if part.base is not None:
        columns["delay added s"] = lambda got: _number(got.added)
        columns["in round trips"] = lambda got: _number(_trips(part, got), 0)
        columns["trips asked"] = lambda got: _most(_trips(part, got), part.trips_asked.get(got.tool))
    return {
        **columns,
        "CPU s": lambda got: _number(got.cpu),
        "largest process MiB": lambda got: _number(got.rss_one, 0),
        "all processes MiB": lambda got: _number(got.rss_all, 0),
        "bytes a task": lambda got: _number(got.bytes_a_task, 0),
        "round trips a task": lambda got: _number(got.trips_a_task, 1),
        "done": lambda got: f"{got.good}/{got.runs}",
    }


def _trips(part: Part, got: Summary) -> float | None:
    """How many round trips make up the time that the delay added."""
    return got.added / part.delay if got.added is not None and part.delay else None


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _least(value: float | None, asked: float | None) -> str:
    missed = value is not None and asked is not None and value < asked
    return "" if asked is None else f"≥ {asked:g}{' !' if missed else ''}"


def _most(value: float | None, asked: float | None) -> str:
    missed = value is not None and asked is not None and round(value) > asked
    return "" if asked is None else f"≤ {asked:g}{' !' if missed else ''}"
