import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest
from sqlalchemy import text

from stella_ops.errors import StoreError
from stella_ops.store import agents
from stella_ops.store.database import Store
from stella_ops.store.schema import HEAD

# fmt: off
OPEN_AND_ADD = """
import sys
from datetime import UTC, datetime
sys.stdin.read(1)
from stella_ops.store import agents
from stella_ops.store.database import Store
store = Store.open(sys.argv[1])
with store.transaction() as connection:
    agents.add(connection, agents.Agent(
        id=sys.argv[2], name=sys.argv[2], environment="e", host="h", created_at=datetime.now(UTC)))
store.close()
print("alembic" in sys.modules)
"""
# fmt: on


def start_opening(url, name):
    return subprocess.Popen(
        [sys.executable, "-c", OPEN_AND_ADD, url, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_new_store_is_private_and_in_wal_mode(store, store_file):
    with store.transaction() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 15000
    for name in os.listdir(store_file.parent):
        assert stat.S_IMODE((store_file.parent / name).stat().st_mode) == 0o600, name


def test_the_mode_of_an_existing_store_is_tightened(store, store_file):
    store.close()
    store_file.chmod(0o644)
    Store.open(f"sqlite:///{store_file}").close()
    assert stat.S_IMODE(store_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["with space.db", "per%cent.db", "what?.db", "ünï.db"])
def test_any_file_name_works(tmp_path, name):
    from urllib.parse import quote

    Store.open(f"sqlite:///{quote(str(tmp_path / name))}").close()
    assert (tmp_path / name).stat().st_size > 0


def test_missing_folders_are_made_private(tmp_path):
    Store.open(f"sqlite:///{tmp_path}/a/fleet.db").close()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_alembic_is_imported_for_the_first_opening_only(store_file):
    url = f"sqlite:///{store_file}"
    said = []
    for name in ("one", "two"):
        process = start_opening(url, name)
        said.append(process.communicate("x", timeout=60)[0].strip())
        assert process.returncode == 0
    assert said == ["True", "False"]


def test_concurrent_first_openings_all_succeed(store_file):
    url = f"sqlite:///{store_file}"
    processes = [start_opening(url, f"agent{n}") for n in range(8)]
    for process in processes:
        process.stdin.write("x")
        process.stdin.flush()
    for process in processes:
        _, problems = process.communicate(timeout=90)
        assert process.returncode == 0, problems
    store = Store.open(url)
    with store.reading() as connection:
        assert len(agents.every(connection)) == 8
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]
    store.close()


def test_concurrent_first_openings_by_threads(store_file):
    url = f"sqlite:///{store_file}"
    ready, problems = threading.Barrier(6), []

    def open_it():
        ready.wait()
        try:
            Store.open(url).close()
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_migration_that_is_cut_off_leaves_nothing(store_file, monkeypatch):
    from stella_ops.store import database

    real = database.migrate

    def cut_off(connection):
        real(connection)
        raise KeyboardInterrupt

    monkeypatch.setattr(database, "migrate", cut_off)
    with pytest.raises(KeyboardInterrupt):
        Store.open(f"sqlite:///{store_file}")
    with contextlib.closing(sqlite3.connect(store_file)) as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    monkeypatch.undo()
    Store.open(f"sqlite:///{store_file}").close()


def test_a_store_can_be_used_from_other_threads(store, agent):
    found = []

    def read():
        with store.reading() as connection:
            found.append(agents.get(connection, agent.id))

    threads = [threading.Thread(target=read) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [agent] * 5


def run(store, *statements):
    with store.transaction() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_transaction_is_all_or_nothing(store, agent):
    with pytest.raises(StoreError):
        run(store, "UPDATE agents SET host = 'elsewhere'", "INSERT INTO nowhere VALUES (1)")
    with store.reading() as connection:
        assert agents.get(connection, agent.id) == agent


def test_reading_does_not_wait_for_a_writer(store, agent, store_file):
    other = Store.open(f"sqlite:///{store_file}", busy_timeout=0.1)
    with store.transaction() as writing:
        writing.execute(text("UPDATE agents SET host = 'elsewhere'"))
        with other.reading() as reading:
            assert agents.get(reading, agent.id).host == "web1.example"
    other.close()


def test_a_locked_store_is_explained(store, store_file):
    other = Store.open(f"sqlite:///{store_file}", busy_timeout=0.1)
    with (
        store.transaction(),
        pytest.raises(StoreError, match="locked by another process") as caught,
        other.transaction(),
    ):
        pass
    assert "wait" in caught.value.hint
    assert caught.value.where == str(store_file)
    other.close()


def test_a_newer_store_is_refused(store, store_file):
    with store.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    before = store_file.read_bytes()
    with pytest.raises(StoreError, match="newer stella-ops") as caught:
        Store.open(f"sqlite:///{store_file}")
    assert "upgrade" in caught.value.hint
    assert store_file.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(store_file):
    store_file.write_bytes(b"this is a text, and quite a long one, not a database at all " * 100)
    before = store_file.read_bytes()
    with pytest.raises(StoreError, match="not an SQLite database"):
        Store.open(f"sqlite:///{store_file}")
    assert store_file.read_bytes() == before


def test_a_damaged_store_is_explained(store, store_file):
    store.close()
    size = store_file.stat().st_size
    with open(store_file, "r+b") as file:
        file.seek(100)
        file.write(os.urandom(size - 100))
    with pytest.raises(StoreError, match=r"damaged|refused"):
        Store.open(f"sqlite:///{store_file}")


FILL = """
import sys
from stella_ops.errors import StoreError
from stella_ops.store import agents
from stella_ops.store.database import Store
store = Store.open(f"sqlite:///{sys.argv[1]}/fleet.db")
try:
    with store.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE big (x)")
        for _ in range(100):
            connection.exec_driver_sql("INSERT INTO big VALUES (randomblob(100000))")
except StoreError as problem:
    print(problem.message, "|", problem.hint)
with store.reading() as connection:
    print(agents.every(connection))
"""


def test_a_full_disk_is_explained(tmp_path):
    # A mount namespace of its own, so that the small file system vanishes with the process.
    inside = 'mount -t tmpfs -o size=700k tmpfs "$1" || exit 77; exec "$2" -c "$3" "$1"'
    shell = ["unshare", "--mount", "--map-root-user", "sh", "-c", inside, "sh"]
    try:
        done = subprocess.run([*shell, tmp_path, sys.executable, FILL], capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this machine makes no mount namespace")
    said, rows = done.stdout.splitlines()
    assert "full" in said
    assert "free space" in said
    assert rows == "[]"


def test_a_store_that_may_not_be_written_is_explained(store):
    with pytest.raises(StoreError, match="cannot be written") as caught:
        run(store, "PRAGMA query_only=ON", "DELETE FROM agents")
    assert "owner" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:////proc/nowhere/fleet.db", "cannot be opened"),
        ("nonsense", "cannot be read"),
        ("oracle9://x/y", "no such kind of store"),
    ],
)
def test_bad_urls_are_explained(url, message):
    with pytest.raises(StoreError, match=message):
        Store.open(url)


def test_a_password_in_the_url_shows_nowhere():
    url = "postgresql+psycopg://fleet:gehe1m@127.0.0.1:1/fleet?connect_timeout=2"
    with pytest.raises(StoreError) as caught:
        Store.open(url)
    assert "gehe1m" not in f"{caught.value} {caught.value.hint} {caught.value.where} {caught.value!r}"


def test_errors_do_not_show_values(store, agent):
    with pytest.raises(StoreError) as caught, store.transaction() as connection:
        connection.execute(text("INSERT INTO certificates (serial) VALUES (:s)"), {"s": "canary-value"})
    assert "canary-value" not in str(caught.value)


def test_a_copied_store_opens(store, agent, tmp_path, store_file):
    store.close()
    shutil.copy(store_file, tmp_path / "copy.db")
    copy = Store.open(f"sqlite:///{tmp_path}/copy.db")
    with copy.reading() as connection:
        assert agents.every(connection) == [agent]
    copy.close()
