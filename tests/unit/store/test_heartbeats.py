from datetime import timedelta

import pytest

from stella_ops.store import heartbeats


@pytest.fixture
def beat(agent, now):
    def make(seq, seconds):
        return heartbeats.Heartbeat(
            agent_id=agent.id,
            seq=seq,
            time=now + timedelta(seconds=seconds),
            received_at=now,
            version="1",
            status="healthy",
            data={"load": [0.1]},
        )

    return make


def test_what_is_known_is_passed_over(store, agent, beat):
    with store.transaction() as connection:
        assert heartbeats.last_seq(connection, agent.id) == 0
        assert heartbeats.record(connection, [beat(1, 0), beat(2, 30)]) == 2
        assert heartbeats.record(connection, [beat(2, 30), beat(3, 60)]) == 1
        assert heartbeats.recent(connection, agent.id, 2) == [beat(3, 60), beat(2, 30)]
        assert heartbeats.last_seq(connection, agent.id) == 3


def test_an_agent_that_counts_anew_is_followed(store, agent, beat):
    with store.transaction() as connection:
        heartbeats.record(connection, [beat(500, 0), beat(1, 30)])
        assert heartbeats.last_seq(connection, agent.id) == 1


def test_pruning(store, agent, beat, now):
    with store.transaction() as connection:
        heartbeats.record(connection, [beat(1, 0), beat(2, 30)])
        assert heartbeats.prune(connection, now + timedelta(seconds=1)) == 1
        assert heartbeats.last_seq(connection, agent.id) == 2
