"""Which schema a store has, and bringing it to this program's.

Alembic takes a tenth of a second to import, so it is imported only when there is something to migrate: the
revisions stand here as plain text too, and a test compares them with the migration files. SQLAlchemy is not
imported with this file either, so that others can ask for ``HEAD`` alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stella_ops.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
HEAD = REVISIONS[-1]


def schema_version(connection: Connection) -> str | None:
    """The revision recorded in the database; None for one that holds no fleet store yet."""
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def is_current(connection: Connection, where: str) -> bool:
    """Tell whether the schema is this program's.

    Raises:
        StoreError: the store was made by a newer program.
    """
    version = schema_version(connection)
    if version is not None and version not in REVISIONS:
        raise StoreError(
            f"the store was made by a newer stella-ops (schema {version}, this program knows up to {HEAD})",
            where=where,
            hint="upgrade stella-ops on this machine: pip install --upgrade stella-ops",
        )
    return version == HEAD


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, within the caller's transaction, so that a kill leaves no half."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
