"""Journals of runs, sealed, from which an interrupted run goes on."""

import sqlalchemy as sa
from alembic import op

from stella_ops.store.columns import RowNumber, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_journal",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_journal_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_journal")),
    )
    op.create_index(op.f("ix_run_journal_run_id"), "run_journal", ["run_id"], unique=False)
