from datetime import timedelta

import pytest

from stella_ops.store import agent_tasks


@pytest.fixture
def add(store, agent, now):
    def run(number, **more):
        task = agent_tasks.AgentTask(
            id=f"t{number}",
            agent_id=agent.id,
            method="status",
            params={"n": number},
            created_at=now + timedelta(minutes=number),
            created_by="ops",
            **more,
        )
        with store.transaction() as connection:
            agent_tasks.add(connection, task)
        return task

    return run


def test_what_waits(store, agent, now, add):
    first, fetched, done, old = add(2), add(3, fetched_at=now), add(4, finished_at=now), add(-100)
    with store.reading() as connection:
        search = {"created_after": now, "limit": 10}
        waiting = agent_tasks.waiting(connection, agent.id, fetched_before=now, **search)
        assert waiting == [first]
        again = agent_tasks.waiting(connection, agent.id, fetched_before=now + timedelta(seconds=1), **search)
        assert again == [first, fetched]
        assert agent_tasks.waiting(connection, "other", fetched_before=now, **search) == []
        assert agent_tasks.count_unfinished(connection, agent.id, created_after=now) == 2
        assert agent_tasks.recent(connection, agent.id, 3) == [done, fetched, first]
    with store.transaction() as connection:
        assert agent_tasks.prune(connection, now) == 1
    with store.reading() as connection:
        assert old not in agent_tasks.recent(connection, agent.id, 10)


def test_an_answer_is_taken_once_and_from_whom_it_is_asked(store, agent, now, add):
    task = add(1)
    with store.transaction() as connection:
        agent_tasks.fetched(connection, [task.id], now)
        assert not agent_tasks.finish(connection, "other", task.id, {"ok": False}, now)
        assert agent_tasks.finish(connection, agent.id, task.id, {"ok": True}, now)
        assert not agent_tasks.finish(connection, agent.id, task.id, {"ok": False}, now)
    with store.reading() as connection:
        (kept,) = agent_tasks.recent(connection, agent.id, 1)
    assert (kept.response, kept.fetched_at, kept.finished_at) == ({"ok": True}, now, now)
