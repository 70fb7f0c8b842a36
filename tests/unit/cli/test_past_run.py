"""An earlier run of the same playbooks, found in the store that it was recorded in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stella_ops.cli.past_run import past_run
from stella_ops.engine import events as e
from stella_ops.settings import load_project
from stella_ops.store.run_reporter import RunRecorder


def started(run: str, at: float, *, title: str = "site.yml", hosts: int = 1, check: bool = False) -> e.RunStarted:
    return e.RunStarted(time=at, run_id=run, kind="play", title=title, check=check, hosts_total=hosts)


def record(url: str, event: e.RunStarted, ends: list[float], *, exit_code: int = 0) -> None:
    recorder = RunRecorder(url)
    recorder.handle(event)
    for number, end in enumerate(ends):
        fields: dict[str, Any] = {"task": "t", "host": "web1", "status": "ok", "result": {}, "duration": 1.0}
        recorder.handle(e.HostFinished(time=event.time + end, task_id=number, **fields))
    recorder.handle(
        e.RunFinished(time=event.time + ends[-1] + 0.5, run_id=event.run_id, exit_code=exit_code, duration=0)
    )
    recorder.close()
    assert recorder.problem is None


def test_the_last_run_that_went_through_and_is_the_like(tmp_path: Path) -> None:
    project = load_project(tmp_path, environ={"STELLA_HOME": str(tmp_path / "state")})
    project.ensure_state_dir()
    url = project.store_url
    now = 1_700_000_000.0
    assert past_run(project, started("r0", now)) is None
    record(url, started("r1", now), [1.0, 2.0])
    record(url, started("r2", now + 100), [3.0, 5.0])
    record(url, started("r3", now + 200, hosts=50), [7.0])
    record(url, started("r4", now + 300), [9.0], exit_code=2)
    record(url, started("r5", now + 400, title="other.yml"), [9.0])
    record(url, started("r6", now + 500, check=True), [9.0])
    found = past_run(project, started("r7", now + 600))
    assert found is not None
    assert (list(found.ends), found.duration) == ([3.0, 5.0], 5.5)
    found = past_run(project, started("r7", now + 600, hosts=40))
    assert found is not None
    assert list(found.ends) == [7.0]
    assert past_run(project, started("r7", now + 600, title="third.yml")) is None


def test_of_many_results_a_selection_is_read(tmp_path: Path) -> None:
    project = load_project(tmp_path, environ={"STELLA_HOME": str(tmp_path / "state")})
    project.ensure_state_dir()
    record(project.store_url, started("r1", 1_700_000_000.0), [float(number) for number in range(1, 5001)])
    found = past_run(project, started("r2", 1_700_100_000.0))
    assert found is not None
    assert 400 < len(found.ends) <= 500
    assert abs(found.after(0.5) - 2500) < 25
