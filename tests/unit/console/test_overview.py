"""How far a run is, and how long it may still take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.console.overview import Overview, PastRun, roughly
from stella_ops.console.text import width
from stella_ops.engine import events as e


class Run:
    """A run whose moments a test chooses."""

    def __init__(self, hosts: int, tasks: int, plays: int = 1) -> None:
        self.overview = Overview()
        self.now = 1000.0
        self.names = [f"web{number}" for number in range(hosts)]
        self._tasks = tasks
        self._id = 0
        self.take(
            e.RunStarted(
                time=0, run_id="r", kind="play", title="t", check=False, hosts_total=hosts, tasks_total=hosts * tasks
            )
        )
        self.play(self.names, tasks // plays)

    def take(self, event: e.Event) -> None:
        self.overview.take(event, self.now)

    def play(self, hosts: list[str], tasks: int) -> None:
        self.take(e.PlayStarted(time=0, play="p", hosts=hosts, tasks=tasks))

    def start(self, *hosts: str, handler: bool = False) -> None:
        self._id += 1
        started: dict[str, Any] = {"task": "t", "action": "command", "origin": "", "handler": handler}
        self.take(e.TaskStarted(time=0, task_id=self._id, hosts=hosts, **started))
        for host in hosts:
            self.take(e.HostStarted(time=0, task_id=self._id, host=host))

    def end(self, *hosts: str, status: Any = "ok") -> None:
        for host in hosts:
            self.take(
                e.HostFinished(time=0, task_id=self._id, task="t", host=host, status=status, result={}, duration=1)
            )

    def task(self, *hosts: str, takes: float = 1.0, **more: Any) -> None:
        self.start(*hosts)
        self.now += takes
        self.end(*hosts, **more)

    def line(self) -> str | None:
        return self.overview.line(self.now, 200)


def test_tasks_and_hosts_are_counted() -> None:
    run = Run(3, 4)
    run.start("web0", "web1")
    assert run.line() == "run: 0 of 12 tasks (0 %); 3 hosts: 2 at work; 0.0 s"
    run.now += 2
    run.end("web0")
    run.end("web1", status="failed")
    run.task("web2", status="unreachable")
    assert run.line() == "run: 3 of 6 tasks (50 %); 3 hosts: 0 at work, 2 failed; 3.0 s"
    for _ in range(3):
        run.task("web0")
    assert run.line() == "run: 6 of 6 tasks (100 %); 3 hosts: 0 at work, 1 done, 2 failed; 6.0 s"


def test_a_rescued_host_goes_on() -> None:
    run = Run(2, 3)
    run.task("web0", "web1", status="failed")
    assert run.line() == "run: 2 of 2 tasks (100 %); 2 hosts: 0 at work, 2 failed; 1.0 s"
    run.start("web0")
    assert run.line() == "run: 2 of 4 tasks (50 %); 2 hosts: 1 at work, 1 failed; 1.0 s"


def test_handlers_and_what_is_included_make_it_more() -> None:
    run = Run(1, 2)
    run.task("web0")
    run.start("web0", handler=True)
    assert run.line() == "run: 1 of 3 tasks (33 %); 1.0 s"
    run.end("web0")
    for _ in range(5):
        run.task("web0")
    assert run.line() == "run: 7 of 7 tasks (100 %); 6.0 s"


def test_hosts_of_earlier_batches_are_done() -> None:
    run = Run(4, 1)
    run.play(["web0", "web1"], 1)
    run.task("web0", "web1")
    run.play(["web2", "web3"], 1)
    run.start("web2", "web3")
    assert run.line() == "run: 2 of 4 tasks (50 %); 4 hosts: 2 at work, 2 done; 1.0 s"


def test_a_run_that_goes_on_with_another_has_no_line() -> None:
    run = Run(2, 0)
    run.task("web0", "web1")
    assert run.line() is None
    assert run.overview.left(run.now) is None


def test_a_run_of_one_task_needs_no_line() -> None:
    run = Run(1, 1)
    run.start("web0")
    assert run.line() is None
    assert Overview().line(0.0, 80) is None


def test_the_rate_so_far_tells_once_it_can() -> None:
    run = Run(1, 100)
    for _ in range(4):
        run.task("web0", takes=1)
    assert run.overview.left(run.now) is None, "too early"
    for _ in range(6):
        run.task("web0", takes=2)
    assert run.overview.left(run.now) == pytest.approx(16 * 9)
    assert str(run.line()).endswith("; 16 s; about 2 min left at this rate")
    run.now += 44
    assert run.overview.left(run.now) == pytest.approx(100)
    run.now += 1000
    assert run.overview.left(run.now) is None, "it may take any time"


def test_the_last_run_tells_better() -> None:
    """There most of the time went into the last task."""
    run = Run(1, 4)
    run.overview.past = PastRun([2.0, 4.0, 6.0, 100.0], 101.0)
    for _ in range(3):
        run.task("web0", takes=2)
    assert run.overview.left(run.now) == pytest.approx(95)
    assert str(run.line()).endswith("about 2 min left by the last run")
    run.now += 60
    assert run.overview.left(run.now) == pytest.approx(35)


@pytest.mark.parametrize(("takes", "left"), [(3.0, 95 * 1.5), (20.0, 95 * 2), (0.1, 95 / 2)])
def test_a_run_that_is_slower_than_the_last_one(takes: float, left: float) -> None:
    run = Run(1, 4)
    run.overview.past = PastRun([2.0, 4.0, 6.0, 100.0], 101.0)
    for _ in range(3):
        run.task("web0", takes=takes)
    assert run.overview.left(run.now) == pytest.approx(left)


def test_a_last_run_of_other_hosts_is_taken_by_its_share() -> None:
    run = Run(10, 2)
    run.overview.past = PastRun([10.0, 20.0], 20.0)
    run.task(*run.names, takes=10)
    assert run.overview.left(run.now) == pytest.approx(10)
    empty = PastRun([], 5.0)
    assert empty.after(0.5) == 0.0


@given(st.integers(0, 40), st.floats(0, 1e6), st.integers(10, 200), st.booleans())
def test_it_never_breaks_a_line(done: int, seconds: float, columns: int, past: bool) -> None:
    run = Run(5, 8)
    run.overview.past = PastRun([1.0, 2.0], 3.0) if past else None
    for number in range(done):
        run.task(run.names[number % 5], takes=seconds / 40, status="failed" if number % 7 == 6 else "ok")
    line = run.overview.line(run.now, columns)
    assert line is not None
    assert width(line) <= columns


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "a moment"),
        (7, "about 10 s"),
        (14, "about 10 s"),
        (33, "about 30 s"),
        (50, "about 50 s"),
        (57, "about 1 min"),
        (89, "about 1 min"),
        (91, "about 2 min"),
        (3000, "about 50 min"),
        (4000, "about 1 h 10 min"),
        (7250, "about 2 h 00 min"),
    ],
)
def test_a_guess_is_told_as_one(seconds: float, text: str) -> None:
    assert roughly(seconds) == text
