"""Inserting what may be there already, in the words of each database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows, passing over those that break a unique constraint; returns how many are new."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        # Its driver gives no row count for such an insert, but the rows that were made.
        returning = postgres_insert(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
        return sum(len(connection.execute(returning, dict(row)).all()) for row in rows)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    # RETURNING would need SQLite 3.35, which RHEL 9 does not have.
    plain = sqlite_insert(table).on_conflict_do_nothing()
    return sum(connection.execute(plain, dict(row)).rowcount for row in rows)
