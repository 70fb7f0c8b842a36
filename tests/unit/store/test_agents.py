from dataclasses import replace
from datetime import timedelta

import pytest

from stella_ops.errors import StoreError
from stella_ops.store import agents


def test_add_keeps_the_agent_that_has_the_name(store, agent, now):
    again = agents.Agent(id="a2", name="web1", environment="prod", host="other", created_at=now)
    with store.transaction() as connection:
        assert agents.add(connection, again) == agent
        staging = agents.add(connection, replace(again, environment="staging"))
        assert staging.id == "a2"
        assert [a.environment for a in agents.named(connection, "web1")] == ["prod", "staging"]
        assert agents.find(connection, "web1", "staging") == staging
        assert agents.find(connection, "web1", "nowhere") is None


def test_everything_is_kept(store, agent, now):
    full = replace(
        agent,
        ansible_host="10.0.0.1",
        labels={"tier": "db"},
        version="1.2.3",
        status="healthy",
        enrolled_at=now,
        last_visit=now + timedelta(seconds=1),
        last_heartbeat=now - timedelta(seconds=1),
        config_revision=3,
        config_sha256="c" * 64,
        certificate_fingerprint="f" * 64,
        certificate_expires_at=now + timedelta(days=365),
        decommissioned_at=now,
    )
    with store.transaction() as connection:
        agents.save(connection, full)
    with store.reading() as connection:
        assert agents.get(connection, "a1") == full


def test_lists_are_ordered_and_filtered(store, now):
    with store.transaction() as connection:
        for name, environment in [("b", "prod"), ("a", "prod"), ("z", "dev")]:
            agents.add(
                connection,
                agents.Agent(id=name, name=name, environment=environment, host=name, created_at=now),
            )
        assert [a.name for a in agents.every(connection)] == ["z", "a", "b"]
        assert [a.name for a in agents.every(connection, "prod")] == ["a", "b"]


def test_another_agents_id_cannot_be_taken(store, agent, now):
    taken = agents.Agent(id=agent.id, name="other", environment="prod", host="h", created_at=now)
    with pytest.raises(AssertionError), store.transaction() as connection:
        agents.add(connection, taken)
    with pytest.raises(StoreError), store.transaction() as connection:
        agents.save(connection, replace(agent, name=None))
