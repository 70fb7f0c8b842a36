"""The sums behind the benchmarks' table."""

from __future__ import annotations

import sys
from pathlib import Path

# The benchmarks are no part of the installed package; they stand beside it in the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.report import Run, Wire, summarize, table
from benchmarks.works.steps import Part

PING = Part(name="ping", title="one ping")


def run(tool: str, number: int, wall: float, **more: object) -> Run:
    given = {"part": "ping", "hosts": 3, "cpu": wall / 2, "rss_one": 2048, "rss_all": 4096, "load": 0.0, **more}
    return Run(tool=tool, round=number, wall=wall, **given)  # type: ignore[arg-type]


def test_medians_and_range() -> None:
    runs = [run("pyinfra", 0, 9.0), run("pyinfra", 1, 2.0), run("pyinfra", 2, 4.0), run("pyinfra", 3, 5.0)]

    summary = summarize(runs, PING, "pyinfra")

    assert summary is not None
    assert (summary.wall, summary.least, summary.most, summary.cpu) == (4.5, 2.0, 9.0, 2.25)
    assert (summary.rss_one, summary.rss_all) == (2.0, 4.0)


def test_the_ratio_pairs_runs_of_the_same_round() -> None:
    # A machine that slows down threefold: the ratio of the medians would be 6 / 2 = 3 by chance of the order.
    runs = [run("stella-ops", n, wall) for n, wall in enumerate((1.0, 2.0, 6.0))]
    runs += [run("pyinfra", n, wall) for n, wall in enumerate((2.0, 6.0, 12.0))]

    summary = summarize(runs, PING, "pyinfra")

    assert summary is not None and summary.ratio == 2.0


def test_runs_that_did_not_do_the_work_do_not_count() -> None:
    runs = [
        run("stella-ops", 0, 1.0, problems=("a file is missing",)),
        run("stella-ops", 1, 2.0),
        run("pyinfra", 0, 0.1, problems=("exit status 1",)),
        run("pyinfra", 1, 8.0),
        run("bare", 0, 3.0),
        run("mitogen", 0, 1.0, problems=("exit status 2",)),
    ]

    pyinfra, bare = summarize(runs, PING, "pyinfra"), summarize(runs, PING, "bare")

    assert pyinfra is not None and (pyinfra.wall, pyinfra.ratio, pyinfra.good, pyinfra.runs) == (8.0, 4.0, 1, 2)
    assert bare is not None and bare.ratio is None  # stella-ops failed in its only round
    assert summarize(runs, PING, "mitogen") is None


def test_parts_are_kept_apart() -> None:
    runs = [run("stella-ops", 0, 1.0), run("stella-ops", 0, 5.0, part="play"), run("pyinfra", 0, 4.0)]

    summary = summarize(runs, PING, "pyinfra")

    assert summary is not None and summary.ratio == 4.0
    assert summarize(runs, Part(name="play", title="a play"), "pyinfra") is None


def cells(shown: str) -> tuple[list[str], list[dict[str, str]]]:
    """A table's columns, and its rows by column."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines()]
    return lines[0], [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def test_the_table_marks_what_was_asked_and_not_reached() -> None:
    runs = [run("stella-ops", 0, 2.0), run("pyinfra", 0, 5.0), run("bare", 0, 0.5)]
    runs.append(run("ansible", 0, 1.0, problems=("exit status 2",)))
    part = Part(name="ping", title="one ping", asked={"pyinfra": 2.4, "bare": 0.5})

    _, rows = cells(table(runs, part, ["stella-ops", "pyinfra", "bare", "ansible", "mitogen"]))

    assert [row["tool"] for row in rows] == ["stella-ops", "pyinfra", "bare", "ansible"]  # mitogen never ran
    assert [row["median s"] for row in rows] == ["2.00", "5.00", "0.50", "–"]
    assert rows[0]["from – to"] == "2.00 – 2.00"
    assert [row["× stella-ops"] for row in rows] == ["1.00", "2.50", "0.25", "–"]
    assert [row["asked"] for row in rows] == ["", "≥ 2.4", "≥ 0.5 !", "–"]
    assert [row["done"] for row in rows] == ["1/1", "1/1", "1/1", "0/1"]


def test_no_runs_no_table() -> None:
    assert table([], PING, ["stella-ops"]) == ""


def test_nothing_asked_no_column_for_it() -> None:
    columns, _ = cells(table([run("stella-ops", 0, 2.0)], PING, ["stella-ops"]))
    assert "asked" not in columns
    assert not [column for column in columns if "delay" in column or "trips asked" in column]


FAR = Part(
    name="far", title="far away", delay=0.05, base="near", trips_asked={"stella-ops": 30, "stella-pipelined": 14}
)


def test_what_a_delay_added_pairs_runs_of_the_same_round() -> None:
    # The machine is slower in each round; the delay adds a second, one and a half, and one.
    runs = [run("pyinfra", n, wall, part="near") for n, wall in enumerate((2.0, 4.0, 9.0))]
    runs += [run("pyinfra", n, wall, part="far") for n, wall in enumerate((3.0, 5.5, 10.0))]
    runs += [run("pyinfra", 3, 1.0, part="near", problems=("exit status 1",)), run("pyinfra", 3, 90.0, part="far")]
    runs += [run("bare", 0, 1.0, part="near"), run("mitogen", 0, 1.0, part="far")]

    pyinfra, mitogen = summarize(runs, FAR, "pyinfra"), summarize(runs, FAR, "mitogen")

    assert pyinfra is not None and pyinfra.added == 1.0
    assert mitogen is not None and mitogen.added is None


def test_a_delay_is_told_in_round_trips() -> None:
    runs = [run(tool, 0, 1.0, part="near") for tool in ("stella-ops", "stella-pipelined", "bare")]
    runs += [run("stella-ops", 0, 2.53, part="far"), run("stella-pipelined", 0, 1.72, part="far")]
    runs.append(run("bare", 0, 3.0, part="far"))

    _, rows = cells(table(runs, FAR, ["stella-ops", "stella-pipelined", "bare"]))

    assert [row["delay added s"] for row in rows] == ["1.53", "0.72", "2.00"]
    assert [row["in round trips"] for row in rows] == ["31", "14", "40"]
    assert [row["trips asked"] for row in rows] == ["≤ 30 !", "≤ 14", ""]


def test_the_wire_is_told_a_task() -> None:
    wires = [Wire(tasks=20, up=up, down=10_000, round_trips=30) for up in (30_000, 50_000, 90_000)]
    runs = [run("stella-ops", n, 1.0, wire=wire) for n, wire in enumerate(wires)]
    runs += [run("stella-ops", 3, 1.0), run("pyinfra", 0, 1.0)]  # in these nobody counted

    _, rows = cells(table(runs, PING, ["stella-ops", "pyinfra"]))

    assert [row["bytes a task"] for row in rows] == ["3,000", "–"]
    assert [row["round trips a task"] for row in rows] == ["1.5", "–"]
