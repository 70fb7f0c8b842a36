"""Writes what the recorder of a run has: by the standard library's sqlite3 where it can, else by the store.

SQLAlchemy takes longer to import than a short run takes altogether, and the recorder has three statements. So for
an SQLite file whose schema is this program's they stand here as text; a test compares what they write with what
``runs.py`` writes. A file that is to be made or migrated, and any other database, is the store's business.

Rows are columns by name, as in ``runs.Run`` and ``runs.TaskResult``; each call of ``write`` is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from stella_ops.store.schema import HEAD
from stella_ops.store.sqlite_file import sqlite_file

Row = Mapping[str, Any]

_START = """
INSERT INTO runs (id, kind, title, check_mode, hosts_total, started_at)
VALUES (:id, :kind, :title, :check_mode, :hosts_total, :started_at)
ON CONFLICT DO NOTHING
"""
_ADD_RESULT = """
INSERT INTO task_results
    (run_id, task_id, play, task, action, host, status, finished_at, duration, result, hint, delegate)
VALUES
    (:run_id, :task_id, :play, :task, :action, :host, :status, :finished_at, :duration, :result, :hint, :delegate)
"""
_FINISH = """
UPDATE runs SET finished_at = :finished_at, exit_code = :exit_code, interrupted = :interrupted, hosts = :hosts
WHERE id = :id
"""
_ADD_PORTION = """
INSERT INTO run_journal (run_id, key_id, written_at, body) VALUES (:run_id, :key_id, :written_at, :body)
"""
_DROP_JOURNAL = "DELETE FROM run_journal WHERE run_id = :id"
_EXPIRE_JOURNALS = """
DELETE FROM run_journal
WHERE run_id NOT IN (SELECT run_id FROM run_journal GROUP BY run_id ORDER BY max(id) DESC LIMIT :keep)
OR run_id NOT IN (SELECT run_id FROM run_journal GROUP BY run_id HAVING max(written_at) >= :before)
"""
_VERSION = "SELECT version_num FROM alembic_version"


@dataclass(slots=True)
class JournalRows:
    """What is to be done to journals.

    Attributes:
        portions: rows as in ``journal.Portion``.
        drop: the id of a run that needs its journal no more.
        expire: journals last written before that moment are forgotten, and all but so many.
    """

    portions: list[Row] = field(default_factory=list)
    drop: str | None = None
    expire: tuple[datetime, int] | None = None


class RunWriter(Protocol):
    """Where the recorder writes; used by one thread."""

    def write(
        self, start: Row | None, results: Sequence[Row], finish: Row | None, journal: JournalRows | None = None
    ) -> None:
        """Write the start of a run, results, its end, and what there is for its journal, as far as they are given.

        Raises:
            StoreError: the database refuses.
        """

    def close(self) -> None:
        """Close the connection."""


def open_writer(url: str, *, busy_timeout: float = 15.0) -> RunWriter:
    """Open a store's writer of runs; the store is made or migrated where needed.

    Raises:
        StoreError: as ``Store.open``.
    """
    if not url.startswith("sqlite"):
        return _StoreWriter(url)
    file = sqlite_file(url)
    if not _is_current(file):
        from stella_ops.store.database import Store

        Store.open(url, busy_timeout=busy_timeout).close()
    return _SqliteWriter(file, busy_timeout)


class _SqliteWriter:
    """Writes to an SQLite file whose schema is current."""

    def __init__(self, file: Path, busy_timeout: float) -> None:
        self._where = str(file)
        with _explained(self._where):
            # Transactions are begun by hand: by its own rules sqlite3 would begin them late.
            self._connection = sqlite3.connect(file, timeout=busy_timeout, isolation_level=None)
            self._connection.execute("PRAGMA foreign_keys=ON")

    def write(
        self, start: Row | None, results: Sequence[Row], finish: Row | None, journal: JournalRows | None = None
    ) -> None:
        with _explained(self._where):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                if start is not None:
                    self._connection.execute(_START, _plain(start))
                if results:
                    self._connection.executemany(_ADD_RESULT, map(_plain, results))
                if finish is not None:
                    self._connection.execute(_FINISH, _plain(finish))
                if journal is not None:
                    self._write_journal(journal)
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    def _write_journal(self, journal: JournalRows) -> None:
        self._connection.executemany(_ADD_PORTION, map(_plain, journal.portions))
        if journal.drop is not None:
            self._connection.execute(_DROP_JOURNAL, {"id": journal.drop})
        if journal.expire is not None:
            before, keep = journal.expire
            self._connection.execute(_EXPIRE_JOURNALS, _plain({"before": before, "keep": keep}))

    def close(self) -> None:
        self._connection.close()


class _StoreWriter:
    """Writes to any database that the store knows."""

    def __init__(self, url: str) -> None:
        from stella_ops.store.database import Store

        self._store = Store.open(url)

    def write(
        self, start: Row | None, results: Sequence[Row], finish: Row | None, journal: JournalRows | None = None
    ) -> None:
        from stella_ops.store import journal as journals
        from stella_ops.store import runs

        with self._store.transaction() as connection:
            if start is not None:
                runs.start(connection, runs.Run(**start))
            runs.add_results(connection, [runs.TaskResult(**row) for row in results])
            if finish is not None:
                ending = dict(finish)
                runs.finish(connection, ending.pop("id"), at=ending.pop("finished_at"), **ending)
            if journal is not None:
                journals.add(connection, [journals.Portion(**row) for row in journal.portions])
                if journal.drop is not None:
                    journals.drop(connection, journal.drop)
                if journal.expire is not None:
                    journals.expire(connection, *journal.expire)

    def close(self) -> None:
        self._store.close()


def _is_current(file: Path) -> bool:
    """Whether a file holds a store of this program's schema; if there is any doubt, the store finds out why."""
    try:
        # Not by way of a URI with mode=ro: a store in WAL mode needs its -shm file made.
        connection = sqlite3.connect(file, timeout=0.1)
        try:
            return connection.execute(_VERSION).fetchall() == [(HEAD,)]
        finally:
            connection.close()
    except sqlite3.Error:
        return False


def _plain(row: Row) -> dict[str, Any]:
    """A row in SQLite's types: moments as ``UtcDateTime`` writes them, containers as JSON."""
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps(value) if isinstance(value, dict) else value


@contextmanager
def _explained(where: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as problem:
        from stella_ops.store.failures import store_error

        raise store_error(problem, where) from problem
