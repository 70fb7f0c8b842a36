"""What ``profile_tasks`` prints of a run's events."""

from __future__ import annotations

import io
import re

import pytest

from stella_ops.console.profile import TaskProfile, Wanted
from stella_ops.engine.events import Event, HostFinished, RunFinished, RunStarted, TaskStarted

_START = 1_700_000_000.0


def _events() -> list[Event]:
    """Two tasks that overlap, as under ``strategy: free``."""

    def started(number: int, name: str, at: float) -> Event:
        return TaskStarted(
            time=_START + at,
            task_id=number,
            task=name,
            action="a",
            origin=f"p.yml:{number}",
            handler=False,
            hosts=["h"],
        )

    def done(number: int, at: float) -> Event:
        return HostFinished(time=_START + at, task_id=number, task="", host="h", status="ok", result={}, duration=0.0)

    return [
        RunStarted(time=_START, run_id="r", kind="play", title="p.yml", check=False, hosts_total=1),
        started(1, "quick\x1b[31m", 0.25),
        started(2, "slow", 1.0),
        done(1, 1.5),
        done(2, 61.0),
        done(1, 1.25),
        RunFinished(time=_START + 3700.5, run_id="r", exit_code=0, duration=3700.5),
    ]


def _printed(wanted: Wanted, *, places: bool = False) -> list[str]:
    stream = io.StringIO()
    profile = TaskProfile(stream, wanted, places=places)
    for event in _events():
        profile.handle(event)
    return stream.getvalue().splitlines()


def test_times_and_the_slowest() -> None:
    lines = _printed(Wanted())
    clocks = [found.groups() for line in lines if (found := re.search(r"\((\S+)\) {7}(\S+) \*+ $", line))]
    assert clocks == [
        ("0:00:00.250", "0:00:00.250"),
        ("0:00:00.750", "0:00:01.000"),
        ("1:01:39.500", "1:01:40.500"),
    ]
    assert all(len(line) == 80 for line in lines if line.endswith("* "))
    assert lines[-2:] == ["slow " + "-" * 67 + " 60.00s", "quick\\x1b[31m " + "-" * 59 + " 1.25s"]


@pytest.mark.parametrize(
    ("environ", "section", "wanted"),
    [
        ({}, {}, Wanted(20, "descending", False)),
        ({"PROFILE_TASKS_TASK_OUTPUT_LIMIT": "all"}, {"sort_order": "none"}, Wanted(None, "none", False)),
        (
            {"PROFILE_TASKS_SUMMARY_ONLY": "1"},
            {"task_output_limit": "1", "summary_only": "no"},
            Wanted(1, summary_only=True),
        ),
        ({"PROFILE_TASKS_TASK_OUTPUT_LIMIT": "²"}, {}, Wanted()),
        ({"PROFILE_TASKS_SORT_ORDER": "ascending"}, {"task_output_limit": "many"}, Wanted(20, "ascending")),
    ],
)
def test_options(environ: dict[str, str], section: dict[str, str], wanted: Wanted) -> None:
    assert Wanted.of(environ, section) == wanted


def test_less_is_shown() -> None:
    lines = _printed(Wanted(1, "ascending", summary_only=True), places=True)
    assert len([line for line in lines if "(" in line]) == 1
    assert lines[-2].startswith("quick\\x1b[31m -") and lines[-1] == "p.yml:1 ----------"
