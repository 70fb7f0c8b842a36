"""Opens the fleet store: one SQLite file, or a PostgreSQL database that several controllers share.

    store = Store.open("sqlite:////srv/fleet/.stella/fleet.db")
    with store.transaction() as connection:
        agents.save(connection, agent)

Calls block; an async caller runs them in a worker thread. A store may be used from any thread.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from stella_ops.errors import StoreError
from stella_ops.file_locks import locked
from stella_ops.store.failures import explained
from stella_ops.store.schema import is_current, migrate
from stella_ops.store.sqlite_file import sqlite_file

_WRITES = "stella_writes"
# Any number that no other program takes for its advisory lock in the same database.
_POSTGRES_LOCK = 0x5354454C4C41


class Store:
    """The fleet's memory. Made by ``Store.open``."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._writing = engine.execution_options(**{_WRITES: True})
        self.where = where

    def __repr__(self) -> str:
        return f"Store({self.where!r})"

    @classmethod
    def open(cls, url: str, *, busy_timeout: float = 15.0) -> Store:
        """Open a store; make or migrate it first where needed. Safe when several processes do so at once.

        Args:
            url: ``sqlite:///FILE`` (percent-encoding is decoded) or ``postgresql+psycopg://…``.
            busy_timeout: seconds to wait for another process's writing to end (SQLite).

        Raises:
            StoreError: it cannot be reached, written or migrated, or a newer program made it.
        """
        if url.startswith("sqlite"):
            file = sqlite_file(url)
            store = cls(_sqlite_engine(file, busy_timeout), str(file))
        else:
            store = cls(*_server_engine(url))
        try:
            with explained(store.where):
                store._bring_up_to_date(busy_timeout)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, rolled back when the body raises.

        On SQLite it holds the write lock from its start, so what it reads cannot change under it.

        Raises:
            StoreError: for every database error of the body too.
        """
        with explained(self.where), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and never waits for writers.

        Raises:
            StoreError: for every database error of the body too.
        """
        with explained(self.where), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections. The store must not be used after."""
        self._engine.dispose()

    def _bring_up_to_date(self, timeout: float) -> None:
        with self._engine.connect() as connection:
            if is_current(connection, self.where):
                return
        if self._engine.dialect.name == "sqlite":
            with _file_lock(Path(self.where + ".lock")):
                self._use_wal(timeout)
                self._migrate()
        else:
            self._migrate()

    def _migrate(self) -> None:
        with self._writing.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _POSTGRES_LOCK})
            if not is_current(connection, self.where):
                migrate(connection)

    def _use_wal(self, timeout: float) -> None:
        # The mode is written into the file once. Changing it needs the file for oneself, and SQLite gives up
        # at once, without its busy timeout, when another process happens to be looking at the version.
        deadline = time.monotonic() + timeout
        while True:
            try:
                with closing(self._engine.raw_connection()) as connection:
                    connection.cursor().execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as problem:
                busy = (problem.sqlite_errorcode or 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def _sqlite_engine(file: Path, busy_timeout: float) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(file)), connect_args={"timeout": busy_timeout})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # Python's sqlite3 would begin transactions late and by its own rules; _begin below does it instead.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that begins by reading and then writes fails at once when another wrote in between.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _server_engine(url: str) -> tuple[Engine, str]:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(
            "the store's URL cannot be read",
            hint="write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME",
        ) from None
    where = parsed.render_as_string(hide_password=True)
    try:
        with explained(where):
            return create_engine(parsed, pool_pre_ping=True), where
    except ModuleNotFoundError as problem:
        raise StoreError(
            f"the store needs the Python package '{problem.name}'",
            where=where,
            hint="pip install 'stella-ops[postgres]'",
        ) from None


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(locked(path))
        except OSError as problem:
            raise StoreError(f"the store cannot be locked: {problem.strerror}", where=path) from None
        yield
