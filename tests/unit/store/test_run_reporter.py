import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from stella_ops.engine import events
from stella_ops.store import runs
from stella_ops.store.database import Store
from stella_ops.store.run_reporter import RunRecorder


def started(run_id="r1"):
    return events.RunStarted(time=1000.0, run_id=run_id, kind="play", title="site.yml", check=False, hosts_total=2)


def task(task_id=1):
    return events.TaskStarted(
        time=1001.0, task_id=task_id, task="say", action="debug", origin="x:1", handler=False, hosts=["a"]
    )


def finished_on(host="a", result=None, **more):
    return events.HostFinished(
        time=1002.5, task_id=1, task="say", host=host, status="ok", result=result or {}, duration=0.5, **more
    )


def ended():
    tally = events.HostTally(ok=1)
    return events.RunFinished(time=1010.0, run_id="r1", exit_code=0, duration=10.0, hosts={"a": tally})


@pytest.fixture
def recorder(store_file):
    made = RunRecorder(f"sqlite:///{store_file}", flush_after=0.05)
    yield made
    made.close()


@pytest.fixture
def recorded(store_file):
    def read(run_id="r1"):
        store = Store.open(f"sqlite:///{store_file}")
        with store.reading() as connection:
            found = runs.get(connection, run_id), runs.results(connection, run_id)
        store.close()
        return found

    return read


def test_a_run_is_recorded(recorder, recorded):
    for event in [
        started(),
        events.PlayStarted(time=1000.5, play="all the hosts", hosts=["a", "b"]),
        task(),
        events.HostStarted(time=1001.5, task_id=1, host="a"),
        finished_on("a", {"msg": "hello", "changed": False}),
        finished_on("b", {"msg": "no"}, hint="look there", delegate="c"),
        ended(),
    ]:
        recorder.handle(event)
    recorder.close()
    assert recorder.problem is None
    run, results = recorded()
    assert run == runs.Run(
        id="r1",
        kind="play",
        title="site.yml",
        check_mode=False,
        hosts_total=2,
        started_at=datetime.fromtimestamp(1000, UTC),
        finished_at=datetime.fromtimestamp(1010, UTC),
        exit_code=0,
        interrupted=False,
        hosts={"a": run.hosts["a"]},
    )
    assert run.hosts["a"]["ok"] == 1
    assert [(r.play, r.task, r.action, r.host, r.result["msg"]) for r in results] == [
        ("all the hosts", "say", "debug", "a", "hello"),
        ("all the hosts", "say", "debug", "b", "no"),
    ]
    assert (results[1].hint, results[1].delegate, results[1].duration) == ("look there", "c", 0.5)


def test_a_run_shows_while_it_goes_on(recorder, recorded, store_file):
    recorder.handle(started())
    recorder.handle(task())
    recorder.handle(finished_on())
    deadline = threading.Event()
    for _ in range(200):
        run, results = recorded()
        if run and results:
            break
        deadline.wait(0.05)
    assert run.finished_at is None
    assert len(results) == 1


def test_many_results_in_batches(recorder, recorded):
    recorder.handle(started())
    for number in range(1234):
        recorder.handle(finished_on(f"h{number}"))
    recorder.handle(ended())
    recorder.close()
    assert [r.host for r in recorded()[1]] == [f"h{n}" for n in range(1234)]


def test_results_of_any_kind_are_kept(recorder, recorded):
    recorder.handle(started())
    recorder.handle(finished_on(result={"junk": "\ud800\0", "odd": float("nan"), "thing": {1, 2}, "b": b"x"}))
    recorder.handle(finished_on(result={"stdout": "x" * 100_000, "rc": 3, "msg": "y" * 50_000}))
    recorder.handle(finished_on(host="\ud800\0"))
    recorder.close()
    assert recorder.problem is None
    first, second, third = recorded()[1]
    assert first.result["odd"] == "NaN"
    assert second.result["rc"] == 3
    assert second.result["_shortened_from"] > 100_000
    assert "stdout" not in second.result
    assert len(second.result["msg"]) == 2000
    assert third.host == "?\ufffd"


def test_a_store_that_fails_does_not_reach_the_run(tmp_path):
    (tmp_path / "file").write_text("no database " * 200)
    recorder = RunRecorder(f"sqlite:///{tmp_path}/file", flush_after=0.01)
    recorder.handle(started())
    for _ in range(50):
        recorder.handle(finished_on())
    recorder.close()
    recorder.close()
    assert "no store" in recorder.problem.message


def test_malformed_events_do_not_reach_the_run(store_file):
    class RunStarted:
        run_id = None

    recorder = RunRecorder(f"sqlite:///{store_file}", flush_after=0.01)
    recorder.handle(RunStarted())
    recorder.close()
    assert "not recorded" in recorder.problem.message


def test_a_recorder_without_events_touches_nothing(store_file):
    recorder = RunRecorder(f"sqlite:///{store_file}")
    recorder.close()
    assert not store_file.exists()


def test_the_database_library_is_not_imported_with_it():
    script = "import sys, stella_ops.store.run_reporter; print('sqlalchemy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "False"
