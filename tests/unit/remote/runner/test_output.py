"""What tasks print while they run, between a real runner and its controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.transport import frames

Start = Callable[..., Any]

RUNS = """
import os
from stella_ops.remote.lib import process
ARGUMENTS = {"line": {"type": "str"}}
def run(task):
    outcome = process.run(task.args["line"], shell=True, live=task.live)
    return {"pid": os.getpid(), "rc": outcome.rc, "stdout": outcome.stdout}
"""
LIVE = [1 << 20, 1 << 20]


def pieces(runner: Any, task: int) -> tuple[list[tuple[int, int, bytes]], tuple[int, int, Any]]:
    """All pieces of a task, and the frame that ends them."""
    found = []
    while True:
        kind, of, payload = runner.next_frame()
        assert of == task
        if kind != frames.OUTPUT:
            return found, (kind, of, payload)
        found.append(payload)


@pytest.mark.parametrize("keep", [False, True], ids=["own child", "kept child"])
def test_a_piece_comes_before_the_task_has_ended(runner: Any, tmp_path: Path, keep: bool) -> None:
    gate = tmp_path / "gate"
    for turn in range(2):
        gate.unlink(missing_ok=True)
        line = f"echo begun; until [ -e {gate} ]; do sleep 0.01; done; echo ended; echo wrong >&2"
        task = runner.start(RUNS, {"line": line}, keep=keep, live=LIVE)
        assert runner.next_frame() == (frames.OUTPUT, task, (1, 0, b"begun\n"))
        gate.touch()
        found, (kind, _, answer) = pieces(runner, task)
        assert kind == frames.RESULT, answer
        assert sorted(found) == [(1, 0, b"ended\n"), (2, 0, b"wrong\n")], turn
        assert answer["stdout"] == "begun\nended\n"
    # The same child serves a task that nobody watches.
    answer = runner.call(RUNS, {"line": "echo quiet"}, keep=keep)
    assert answer["stdout"] == "quiet\n"


def test_nothing_is_told_unasked(kept: Any) -> None:
    kind, _, answer = (kept.start(RUNS, {"line": "echo quiet"}), kept.next_frame())[1]
    assert (kind, answer["stdout"]) == (frames.RESULT, "quiet\n")


def test_two_tasks_at_once_are_told_apart(kept: Any, tmp_path: Path) -> None:
    gates = [tmp_path / name for name in "ab"]
    lines = [f"echo {gate.name}; until [ -e {gate} ]; do sleep 0.01; done; echo {gate.name}" for gate in gates]
    tasks = [kept.start(RUNS, {"line": line}, keep=True, live=LIVE) for line in lines]
    begun = sorted(kept.next_frame() for _ in tasks)
    assert begun == [(frames.OUTPUT, tasks[0], (1, 0, b"a\n")), (frames.OUTPUT, tasks[1], (1, 0, b"b\n"))]
    for gate in gates:
        gate.touch()
    told = {tasks[0]: b"", tasks[1]: b""}
    left = set(tasks)
    while left:
        kind, of, payload = kept.next_frame()
        if kind == frames.OUTPUT:
            told[of] += payload[2]
        else:
            left.remove(of)
    assert told == {tasks[0]: b"a\n", tasks[1]: b"b\n"}


def test_a_task_that_is_killed_has_told_what_it_said(kept: Any) -> None:
    task = kept.start(RUNS, {"line": "echo begun; exec sleep 600"}, keep=True, live=LIVE, timeout=1)
    found, (kind, _, crash) = pieces(kept, task)
    assert found == [(1, 0, b"begun\n")]
    assert (kind, crash["reason"]) == (frames.CRASH, "timeout")
    assert kept.call(RUNS, {"line": "echo next"}, keep=True)["stdout"] == "next\n"


def test_a_controller_that_does_not_read_holds_up_no_task(
    start_runner: Start, ends: Path, tmp_path: Path, watch: Any
) -> None:
    """Of thirty megabytes that nobody takes, next to nothing waits on the host, and the command goes through."""
    runner = start_runner(ends)
    runner.hello()
    done = tmp_path / "done"
    line = f"yes 0123456789 | head -c 30000000 >&2; touch {done}"
    task = runner.start(RUNS, {"line": line}, keep=True, live=[1 << 30, 1 << 30])
    watch.until(done.exists, 60)
    peak = memory(runner.pid)
    found, (kind, _, answer) = pieces(runner, task)
    assert (kind, answer["rc"]) == (frames.RESULT, 0)
    assert sum(len(data) + skipped for _, skipped, data in found) == 30_000_000
    assert sum(len(data) for _, _, data in found) < 2_000_000
    assert peak < 60 << 20


def memory(pid: int) -> int:
    """The most bytes of memory that a process has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmHWM")
