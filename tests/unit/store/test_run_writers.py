import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest

from stella_ops.errors import StoreError
from stella_ops.store import run_writers
from stella_ops.store.database import Store

NOON = datetime(2025, 3, 4, 12, 0, 0, 7, tzinfo=UTC)
START = {
    "id": "r1",
    "kind": "play",
    "title": "site.yml",
    "check_mode": True,
    "hosts_total": 2,
    "started_at": NOON,
}
RESULT = {
    "run_id": "r1",
    "task_id": 1,
    "play": None,
    "task": "say",
    "action": "debug",
    "host": "a",
    "status": "ok",
    "finished_at": NOON.astimezone(timezone(timedelta(hours=5))),
    "duration": 0.5,
    "result": {"msg": "ö", "list": [1, None]},
    "hint": None,
    "delegate": "b",
}
FINISH = {"id": "r1", "finished_at": NOON, "exit_code": 0, "interrupted": False, "hosts": {"a": {"ok": 1}}}


def rows(file):
    with closing(sqlite3.connect(file)) as connection:
        return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("runs", "task_results")]


@pytest.fixture
def writer(store_file):
    opened = run_writers.open_writer(f"sqlite:///{store_file}", busy_timeout=0.1)
    yield opened
    opened.close()


def test_both_ways_of_writing_leave_the_same(tmp_path):
    left = []
    for kind in ("plain", "store"):
        file = tmp_path / f"{kind}.db"
        url = f"sqlite:///{file}"
        writer = run_writers.open_writer(url) if kind == "plain" else run_writers._StoreWriter(url)
        writer.write(START, [RESULT, {**RESULT, "host": "b", "result": {}}], None)
        writer.write(None, [], FINISH)
        writer.close()
        left.append(rows(file))
    assert left[0] == left[1]
    assert [len(table) for table in left[0]] == [1, 2]


def test_a_batch_is_written_whole_or_not_at_all(writer, store_file):
    writer.write(START, [RESULT], None)
    with pytest.raises(StoreError):
        writer.write(None, [RESULT, {**RESULT, "task": None}], FINISH)
    runs, results = rows(store_file)
    assert len(results) == 1
    assert None in runs[0]  # it has not ended
    writer.write(None, [RESULT], FINISH)
    assert len(rows(store_file)[1]) == 2


def test_results_of_a_run_that_is_not_there_are_refused(writer):
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        writer.write(None, [RESULT], None)


def test_a_lock_of_another_program_is_told(writer, store_file):
    with closing(sqlite3.connect(store_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process"):
            writer.write(START, [], None)


def test_a_store_of_a_newer_program_is_refused(store, store_file):
    with closing(sqlite3.connect(store_file)) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.commit()
    with pytest.raises(StoreError, match="newer stella-ops"):
        run_writers.open_writer(f"sqlite:///{store_file}")


def test_a_store_that_is_made_is_the_usual_one(writer, store_file):
    with closing(sqlite3.connect(store_file)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store_file.stat().st_mode & 0o077 == 0
    Store.open(f"sqlite:///{store_file}").close()


def test_a_store_that_is_there_is_written_without_the_database_library(store, store_file):
    script = f"""
import sys
from stella_ops.engine.events import RunStarted
from stella_ops.store.run_reporter import RunRecorder
recorder = RunRecorder("sqlite:///{store_file}")
recorder.handle(RunStarted(time=1.0, run_id="r", kind="run", title="t", check=False, hosts_total=0))
recorder.close()
assert recorder.problem is None, recorder.problem
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {{"sqlalchemy", "alembic"}}))
"""
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"
    assert len(rows(store_file)[0]) == 1
