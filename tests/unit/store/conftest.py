from datetime import UTC, datetime

import pytest

from stella_ops.store import agents as agents_table
from stella_ops.store.database import Store

NOW = datetime(2025, 3, 4, 5, 6, 7, 8, tzinfo=UTC)


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def store_file(tmp_path):
    return tmp_path / "fleet.db"


@pytest.fixture
def store(store_file):
    opened = Store.open(f"sqlite:///{store_file}")
    yield opened
    opened.close()


@pytest.fixture
def agent(store, now):
    made = agents_table.Agent(
        id="a1", name="web1", environment="prod", host="web1.example", created_at=now, labels={"tier": "web"}
    )
    with store.transaction() as connection:
        return agents_table.add(connection, made)
