from datetime import timedelta

import pytest

from stella_ops.store import agent_logs


@pytest.fixture
def entry(agent, now):
    def make(seq, **more):
        values = {"time": now + timedelta(seconds=seq), "received_at": now, "level": "info", "event": "x", "data": {}}
        return agent_logs.LogEntry(agent_id=agent.id, seq=seq, **{**values, **more})

    return make


def test_known_entries_are_passed_over(store, agent, entry):
    with store.transaction() as connection:
        assert agent_logs.record(connection, [entry(1), entry(2)]) == 2
        assert agent_logs.record(connection, [entry(2), entry(3, data={"a": [1]})]) == 1
        assert agent_logs.record(connection, []) == 0
    with store.reading() as connection:
        assert agent_logs.recent(connection, agent.id, 2) == [entry(3, data={"a": [1]}), entry(2)]
        assert agent_logs.recent(connection, "other", 2) == []


@pytest.mark.parametrize(("most", "left"), [(1, [5]), (3, [5, 4, 3]), (5, [5, 4, 3, 2, 1]), (9, [5, 4, 3, 2, 1])])
def test_the_newest_are_kept(store, agent, entry, most, left):
    with store.transaction() as connection:
        agent_logs.record(connection, [entry(seq) for seq in range(1, 6)])
        assert agent_logs.keep_last(connection, agent.id, most) == 5 - len(left)
    with store.reading() as connection:
        assert [one.seq for one in agent_logs.recent(connection, agent.id, 9)] == left


def test_pruning(store, agent, entry, now):
    with store.transaction() as connection:
        agent_logs.record(connection, [entry(1, received_at=now - timedelta(days=2)), entry(2)])
        assert agent_logs.prune(connection, now - timedelta(days=1)) == 1
