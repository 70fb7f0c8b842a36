"""Turns what a database complains of into a ``StoreError`` that says what to do next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from stella_ops.errors import StoreError

# SQLite's primary result codes (https://www.sqlite.org/rescode.html); the low byte of extended ones.
_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "the store is locked by another process",
        "wait for the other stella-ops command to end, then run this again",
    ),
    sqlite3.SQLITE_LOCKED: (
        "the store is locked",
        "wait for the other stella-ops command to end, then try again",
    ),
    sqlite3.SQLITE_FULL: ("the disk that holds the store is full", "free space there, then run this again"),
    sqlite3.SQLITE_READONLY: (
        "the store cannot be written",
        "check the owner and mode of the file and of its folder, or set STELLA_HOME",
    ),
    sqlite3.SQLITE_PERM: (
        "the store cannot be written",
        "check the owner and mode of the file and of its folder",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the store cannot be opened",
        "check that the folder exists and is yours, or set STELLA_HOME",
    ),
    sqlite3.SQLITE_IOERR: ("the disk that holds the store fails", "look for disk errors and free space"),
    sqlite3.SQLITE_CORRUPT: ("the store is damaged", "put a backup of the file in its place"),
    sqlite3.SQLITE_NOTADB: (
        "the file is no store: it is not an SQLite database",
        "move it away; a new one is made on the next run",
    ),
}


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise ``StoreError`` for each database error of the body. ``where`` names the store, no password."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as problem:
        raise store_error(problem, where) from problem


def store_error(problem: Exception, where: str) -> StoreError:
    """The operator's view of a database error."""
    original = problem.orig if isinstance(problem, DBAPIError) else problem
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _SQLITE:
            message, hint = _SQLITE[code & 0xFF]
            return StoreError(message, where=where, hint=hint)
        return StoreError(f"the store refused: {original}", where=where)
    if isinstance(problem, PoolTimeout):
        return StoreError("too many uses of the store at once", where=where, hint="run this again")
    if isinstance(problem, NoSuchModuleError):
        return StoreError(
            "no such kind of store",
            where=where,
            hint="known: sqlite:///FILE and postgresql+psycopg://USER@HOST/NAME",
        )
    if isinstance(problem, DBAPIError):
        # The first line only: SQLAlchemy's own text repeats the statement and its values.
        said = str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__
        lost = problem.connection_invalidated or type(original).__name__ == "OperationalError"
        advice = "check that the database server runs and lets you in" if lost else None
        return StoreError(f"the store refused: {said}", where=where, hint=advice)
    return StoreError(f"the store failed: {type(problem).__name__}", where=where)
