"""What an orchestrator that agents can call needs: wider tokens, counters, operators, tasks, logs."""

import sqlalchemy as sa
from alembic import op

from stella_ops.store.columns import RowNumber, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("platform", sa.String(length=16), nullable=True))
    op.add_column("tokens", sa.Column("capabilities", sa.JSON(), nullable=True))
    op.add_column("tokens", sa.Column("labels", sa.JSON(), nullable=True))
    op.add_column("tokens", sa.Column("cluster_id", sa.String(length=63), nullable=True))
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("labels", sa.String(length=1024), nullable=False),
        sa.Column("value", RowNumber, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name", "labels", name=op.f("pk_counters")),
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=True),
        sa.Column("certificate_fingerprint", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
        sa.UniqueConstraint("certificate_fingerprint", name=op.f("uq_operators_certificate_fingerprint")),
    )
    op.create_table(
        "orchestrators",
        sa.Column("url", sa.String(length=255), nullable=False),
        sa.Column("public_key_sha256", sa.String(length=64), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("url", "public_key_sha256", name=op.f("pk_orchestrators")),
    )
    op.create_table(
        "agent_tasks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("fetched_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("response", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_agent_tasks_agent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_tasks")),
    )
    op.create_index(op.f("ix_agent_tasks_agent_id"), "agent_tasks", ["agent_id"], unique=False)
    op.create_table(
        "agent_logs",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("agent_id", sa.String(length=36), nullable=False),
        sa.Column("seq", RowNumber, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("event", sa.String(length=128), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_agent_logs_agent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_logs")),
        sa.UniqueConstraint("agent_id", "time", "seq", name=op.f("uq_agent_logs_agent_id_time_seq")),
    )
