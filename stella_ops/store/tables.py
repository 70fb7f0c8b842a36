"""The tables of the fleet store. A change here goes with a migration in ``migrations/versions``.

Moments are UTC. Digests are lower-case hex of SHA-256. Secrets have no column: of a token there is only the
digest of its secret, of a certificate only the public half.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from stella_ops.store.columns import RowNumber, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

agents = Table(
    "agents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("environment", String(255), nullable=False),
    Column("host", String(255), nullable=False),
    Column("ansible_host", String(255)),
    Column("labels", JSON, nullable=False),
    Column("version", String(64)),
    Column("status", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("enrolled_at", UtcDateTime),
    Column("last_visit", UtcDateTime),
    Column("last_heartbeat", UtcDateTime),
    Column("config_revision", Integer),
    Column("config_sha256", String(64)),
    Column("certificate_fingerprint", String(64)),
    Column("certificate_expires_at", UtcDateTime),
    Column("decommissioned_at", UtcDateTime),
    UniqueConstraint("name", "environment"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("secret_sha256", String(64), nullable=False),
    Column("agent_name", String(255), nullable=False),
    Column("environment", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("max_uses", Integer, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("platform", String(16)),
    Column("capabilities", JSON),
    Column("labels", JSON),
    Column("cluster_id", String(63)),
)

# The keys that a token was used for: the same key may come again, a new one only while uses are left.
token_keys = Table(
    "token_keys",
    metadata,
    Column("token_id", ForeignKey("tokens.id", ondelete="CASCADE"), primary_key=True),
    Column("public_key_sha256", String(64), primary_key=True),
    Column("bound_at", UtcDateTime, nullable=False),
)

certificates = Table(
    "certificates",
    metadata,
    Column("serial", String(40), primary_key=True),
    Column("agent_id", ForeignKey("agents.id"), nullable=False, index=True),
    Column("subject", String(255), nullable=False),
    Column("fingerprint_sha256", String(64), nullable=False, unique=True),
    Column("public_key_sha256", String(64), nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("not_after", UtcDateTime, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("chain_pem", Text, nullable=False),
    Column("token_id", ForeignKey("tokens.id")),
    Column("revoked_at", UtcDateTime),
    Column("revocation_reason", String(64)),
    UniqueConstraint("token_id", "public_key_sha256"),
)

config_revisions = Table(
    "config_revisions",
    metadata,
    Column("agent_id", ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
    Column("config", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(255), nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("agent_id", ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("seq", RowNumber, nullable=False),
    Column("time", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("version", String(64)),
    Column("status", String(32), nullable=False),
    Column("data", JSON, nullable=False),
    UniqueConstraint("agent_id", "time", "seq"),
)

doctor_reports = Table(
    "doctor_reports",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("agent_id", ForeignKey("agents.id", ondelete="CASCADE")),
    Column("host", String(255), nullable=False),
    Column("time", UtcDateTime, nullable=False),
    Column("overall_status", String(32), nullable=False),
    Column("report", JSON, nullable=False),
    Index(None, "host", "time"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("check_mode", Boolean, nullable=False),
    Column("hosts_total", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False, index=True),
    Column("finished_at", UtcDateTime),
    Column("exit_code", Integer),
    Column("interrupted", Boolean),
    Column("hosts", JSON),
)

task_results = Table(
    "task_results",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("task_id", Integer, nullable=False),
    Column("play", Text),
    Column("task", Text, nullable=False),
    Column("action", String(255)),
    Column("host", String(255), nullable=False),
    Column("status", String(16), nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("duration", Float, nullable=False),
    Column("result", JSON, nullable=False),
    Column("hint", Text),
    Column("delegate", String(255)),
    Index(None, "run_id", "host"),
)

# From which a run that was cut off goes on, in portions as they were written. ``body`` is sealed with a key that is not
# in the store; ``key_id`` tells with which.
run_journal = Table(
    "run_journal",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("key_id", String(16), nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("time", UtcDateTime, nullable=False, index=True),
    Column("actor", String(255), nullable=False),
    Column("act", String(64), nullable=False),
    Column("subject", String(255), nullable=False, index=True),
    Column("outcome", String(16), nullable=False),
    Column("detail", JSON, nullable=False),
)

# What has been counted by every process of the fleet. ``labels`` is canonical JSON: a mapping of text to text.
counters = Table(
    "counters",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("labels", String(1024), primary_key=True),
    Column("value", RowNumber, nullable=False, autoincrement=False),
)

# Who may ask the orchestrator: ``kind`` is api_key (the key's digest) or certificate (its fingerprint).
operators = Table(
    "operators",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("secret_sha256", String(64)),
    Column("certificate_fingerprint", String(64), unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
)

# The public keys that orchestrators answer with: several may serve one address.
orchestrators = Table(
    "orchestrators",
    metadata,
    Column("url", String(255), primary_key=True),
    Column("public_key_sha256", String(64), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)

# Requests of the agent's rpc that wait for an agent to fetch them, and its answers.
agent_tasks = Table(
    "agent_tasks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("agent_id", ForeignKey("agents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("method", String(64), nullable=False),
    Column("params", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("fetched_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("response", JSON),
)

agent_logs = Table(
    "agent_logs",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("agent_id", ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("seq", RowNumber, nullable=False),
    Column("time", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("level", String(16), nullable=False),
    Column("event", String(128), nullable=False),
    Column("data", JSON, nullable=False),
    UniqueConstraint("agent_id", "time", "seq"),
)

# Every key that a host was seen with. ``host`` is its name in the inventory; ``name`` and ``port`` are what known_hosts
# calls it. ``status`` is pending, approved, pinned, replaced, unpinned or revoked; ``state`` what the last look made of
# it (new, known, certified, changed). ``pinned_to`` lists store, inventory and known_hosts.
host_keys = Table(
    "host_keys",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("port", Integer, nullable=False),
    Column("algorithm", String(64), nullable=False),
    Column("bits", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False, index=True),
    Column("public_key", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("note", Text),
    Column("certificate", JSON),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("approved_at", UtcDateTime),
    Column("approved_by", String(255)),
    Column("approved_because", Text),
    Column("replaces", Boolean, nullable=False),
    Column("pinned_at", UtcDateTime),
    Column("pinned_by", String(255)),
    Column("pinned_to", JSON),
    Column("ended_at", UtcDateTime),
    Column("ended_by", String(255)),
    UniqueConstraint("host", "name", "port", "fingerprint"),
)

# Facts of hosts that are kept between runs (``fact_caching = store``), as JSON text in the form of ansible-core's
# caches. ``gathered_at`` is when any of them was last gathered or set.
host_facts = Table(
    "host_facts",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("facts", Text, nullable=False),
    Column("gathered_at", UtcDateTime, nullable=False),
)
