from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.console.progress import Progress, count_line, duration, transferred
from stella_ops.console.text import width


def test_the_bar_the_counts_and_the_slowest_hosts() -> None:
    progress = Progress("install", 10, 0.0)
    for number in range(10):
        progress.started(f"web{number}", float(number))
    progress.finished("web1", "changed")
    progress.finished("web2", "failed")
    progress.finished("web3", "unreachable")
    progress.finished("web4", "ignored")
    progress.note("web0", "retrying, 2 left")
    (bar, style), (hosts, _) = progress.lines(20.0, 120)
    assert bar == "install [#########...............] 4/10, 1 changed, 2 failed, 1 ignored  20 s"
    assert style == "failed"
    assert hosts == "  web0 20 s (retrying, 2 left), web5 15 s, web6 14 s, web7 13 s, web8 12 s and 1 more"


@given(st.text(max_size=300), st.lists(st.text(min_size=1), max_size=30), st.integers(12, 200))
def test_lines_are_narrower_than_the_terminal(task: str, hosts: list[str], columns: int) -> None:
    progress = Progress(task, 2000, 0.0)
    for host in hosts:
        progress.started(host, 0.0)
    for line, _ in progress.lines(99999.0, columns):
        assert width(line) < columns
        assert "\n" not in line


def test_a_task_on_no_hosts() -> None:
    assert Progress("x", 0, 0.0).lines(0.0, 80)[0][0].startswith("x [########################] 0/0")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"ok": 48, "changed": 2}, ("ok: 48 hosts, changed: 2 hosts", "changed")),
        ({"ok": 1}, ("ok: 1 host", "ok")),
        ({"skipped": 1234}, ("skipping: 1,234 hosts", "skipped")),
        ({"ok": 1, "skipped": 2}, ("ok: 1 host, skipping: 2 hosts", "ok")),
    ],
)
def test_count_line(counts: dict[str, int], expected: tuple[str, str]) -> None:
    assert count_line(counts) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0 s"), (0.44, "0.4 s"), (59.9, "59 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("sent", "total", "shown"),
    [(0, 1 << 30, "0 of 1,024 MiB (0 %)"), (5 << 20, 10 << 20, "5 of 10 MiB (50 %)"), (0, 0, "0 of 0 MiB (100 %)")],
)
def test_how_far_a_file_is(sent: int, total: int, shown: str) -> None:
    assert transferred(sent, total) == shown
