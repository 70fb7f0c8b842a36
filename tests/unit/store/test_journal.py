"""Journals of runs: sealed, handed over, forgotten in time."""

import dataclasses
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from stella_ops.errors import StoreError
from stella_ops.store import journal, run_writers, runs
from stella_ops.store.database import Store
from stella_ops.store.journal_lock import RunLock, is_running
from stella_ops.store.journal_seal import KEY_FILE, Seal
from stella_ops.store.journal_writer import JournalWriter
from stella_ops.store.run_reporter import RunRecorder

NOON = datetime(2025, 3, 4, 12, tzinfo=UTC)


def run_of(run_id, at=NOON):
    return runs.Run(id=run_id, kind="play", title="site.yml", check_mode=False, hosts_total=1, started_at=at)


def portion(run_id, body=b"x", at=NOON):
    return {"run_id": run_id, "key_id": "k", "written_at": at, "body": body}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, store_file):
    if request.param == "sqlite":
        return f"sqlite:///{store_file}"
    return request.getfixturevalue("postgresql").database()


@pytest.fixture
def opened(url):
    store = Store.open(url)
    yield store
    store.close()


def bodies(store, run_id):
    with store.reading() as connection:
        return [each.body for each in journal.portions(connection, run_id)]


def test_written_handed_over_and_dropped(opened, url):
    writer = run_writers.open_writer(url)
    writer.write(dataclasses.asdict(run_of("one")), [], None, run_writers.JournalRows([portion("one", b"a")]))
    writer.write(None, [], None, run_writers.JournalRows([portion("one", b"b\0")]))
    assert bodies(opened, "one") == [b"a", b"b\0"]
    with opened.transaction() as connection:
        assert journal.journalled(connection, ["one", "two"]) == {"one"}
        assert journal.hand_over(connection, "one", run_of("two"))
        assert not journal.hand_over(connection, "one", run_of("three"))
        assert [run.id for run in journal.latest(connection)] == ["two"]
    assert bodies(opened, "one") == [] and bodies(opened, "two") == [b"a", b"b\0"]
    writer.write(None, [], None, run_writers.JournalRows(drop="two"))
    writer.close()
    assert bodies(opened, "two") == []


def test_old_journals_and_those_beyond_a_number_are_forgotten(opened, url):
    writer = run_writers.open_writer(url)
    for number in range(5):
        at = NOON + timedelta(days=number)
        rows = run_writers.JournalRows([portion(f"r{number}", at=at)])
        writer.write(dataclasses.asdict(run_of(f"r{number}", at)), [], None, rows)
    writer.write(None, [], None, run_writers.JournalRows(expire=(NOON + timedelta(days=1), 10)))
    left = [number for number in range(5) if bodies(opened, f"r{number}")]
    assert left == [1, 2, 3, 4]
    writer.write(None, [], None, run_writers.JournalRows(expire=(NOON, 2)))
    writer.close()
    assert [number for number in range(5) if bodies(opened, f"r{number}")] == [3, 4]


def test_the_seal(tmp_path):
    seal = Seal.load_or_create(tmp_path)
    key = tmp_path / KEY_FILE
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and os.listdir(tmp_path) == [KEY_FILE]
    text = "a secret \udcff" * 100
    sealed = seal.close(text)
    assert b"secret" not in sealed and len(sealed) < 200 and sealed != seal.close(text)
    assert Seal.load(tmp_path).open(sealed) == text
    assert key.read_text().strip() not in repr(seal)
    with pytest.raises(StoreError, match="damaged"):
        seal.open(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(StoreError, match="another key"):
        Seal.load_or_create(other).open(sealed)
    with pytest.raises(StoreError, match="cannot be read"):
        Seal.load(tmp_path / "none")
    key.write_text("short")
    with pytest.raises(StoreError, match="damaged"):
        Seal.load(tmp_path)


def test_the_lock_ends_with_its_process(tmp_path):
    assert not is_running(tmp_path, "r")
    lock = RunLock(tmp_path, "r")
    assert is_running(tmp_path, "r")
    lock.release()
    assert not is_running(tmp_path, "r")
    code = "import pathlib, signal, sys\nfrom stella_ops.store.journal_lock import RunLock\n"
    code += "RunLock(pathlib.Path(sys.argv[1]), 'k'); print('held', flush=True); signal.pause()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    assert is_running(tmp_path, "k")
    child.kill()
    child.communicate()
    assert not is_running(tmp_path, "k")


class Event:
    """As the engine's, known by the names of their classes."""

    def __init__(self, **values):
        self.time = NOON.timestamp()
        self.__dict__.update(values)


class RunStarted(Event):
    run_id, kind, title, check, hosts_total = "r", "play", "t", False, 1


class RunFinished(Event):
    run_id, interrupted = "r", False
    hosts: ClassVar[dict] = {}


@pytest.mark.parametrize(("code", "keeps", "left"), [(0, False, 0), (2, False, 1), (0, True, 1)])
def test_a_run_that_ends_well_leaves_no_journal(tmp_path, code, keeps, left):
    url = f"sqlite:///{tmp_path}/fleet.db"
    recorder = RunRecorder(url)
    recorder.journal_with(JournalWriter(tmp_path, list, keep_for=timedelta(days=1), keep_last=5, keeps=keeps))
    recorder.handle(RunStarted())
    recorder.keep(("end", 0, "tasks/0"))
    recorder.handle(RunFinished(exit_code=code))
    recorder.close()
    assert recorder.problem is None
    store = Store.open(url)
    found = bodies(store, "r")
    store.close()
    assert len(found) == left
    if found:
        assert json.loads(Seal.load(tmp_path).open(found[0])) == ["end", 0, "tasks/0"]
    else:
        assert not (tmp_path / KEY_FILE).exists()
    assert not is_running(tmp_path, "r")
