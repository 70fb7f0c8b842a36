"""The sums behind the benchmarks' table."""

from __future__ import annotations

import sys
from pathlib import Path

# The benchmarks are no part of the installed package; they stand beside it in the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.report import Run, summarize, table


def run(tool: str, number: int, wall: float, **more: object) -> Run:
    given = {"part": "ping", "hosts": 3, "cpu": wall / 2, "rss_one": 2048, "rss_all": 4096, "load": 0.0, **more}
    return Run(tool=tool, round=number, wall=wall, **given)  # type: ignore[arg-type]


def test_medians_and_range() -> None:
    runs = [run("pyinfra", 0, 9.0), run("pyinfra", 1, 2.0), run("pyinfra", 2, 4.0), run("pyinfra", 3, 5.0)]

    summary = summarize(runs, "ping", "pyinfra")

    assert summary is not None
    assert (summary.wall, summary.least, summary.most, summary.cpu) == (4.5, 2.0, 9.0, 2.25)
    assert (summary.rss_one, summary.rss_all) == (2.0, 4.0)


def test_the_ratio_pairs_runs_of_the_same_round() -> None:
    # A machine that slows down threefold: the ratio of the medians would be 6 / 2 = 3 by chance of the order.
    runs = [run("stella-ops", n, wall) for n, wall in enumerate((1.0, 2.0, 6.0))]
    runs += [run("pyinfra", n, wall) for n, wall in enumerate((2.0, 6.0, 12.0))]

    summary = summarize(runs, "ping", "pyinfra")

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

    pyinfra, bare = summarize(runs, "ping", "pyinfra"), summarize(runs, "ping", "bare")

    assert pyinfra is not None and (pyinfra.wall, pyinfra.ratio, pyinfra.good, pyinfra.runs) == (8.0, 4.0, 1, 2)
    assert bare is not None and bare.ratio is None  # stella-ops failed in its only round
    assert summarize(runs, "ping", "mitogen") is None


def test_parts_are_kept_apart() -> None:
    runs = [run("stella-ops", 0, 1.0), run("stella-ops", 0, 5.0, part="play"), run("pyinfra", 0, 4.0)]

    summary = summarize(runs, "ping", "pyinfra")

    assert summary is not None and summary.ratio == 4.0
    assert summarize(runs, "play", "pyinfra") is None


def test_the_table_marks_what_was_asked_and_not_reached() -> None:
    runs = [run("stella-ops", 0, 2.0), run("pyinfra", 0, 5.0), run("bare", 0, 0.5)]
    runs.append(run("ansible", 0, 1.0, problems=("exit status 2",)))

    rows = table(runs, "ping", ["stella-ops", "pyinfra", "bare", "ansible", "mitogen"], {"pyinfra": 2.4, "bare": 0.5})
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in rows.splitlines()[2:]]

    assert [row[0] for row in cells] == ["stella-ops", "pyinfra", "bare", "ansible"]  # mitogen never ran
    assert cells[0][1:5] == ["2.00", "2.00 – 2.00", "1.00", ""]
    assert cells[1][3:5] == ["2.50", "≥ 2.4"]
    assert cells[2][3:5] == ["0.25", "≥ 0.5 !"]
    assert (cells[3][1], cells[3][-1]) == ("–", "0/1")


def test_no_runs_no_table() -> None:
    assert table([], "ping", ["stella-ops"], {}) == ""
