from datetime import timedelta

from stella_ops.store import host_facts


def test_facts_are_kept_replaced_and_forgotten(store, now) -> None:
    many = {f"h{number}": "{}" for number in range(1200)}
    with store.transaction() as connection:
        host_facts.save(connection, {**many, "h1": '{"a": 1}'}, now)
        host_facts.save(connection, {"h1": '{"b": 2}'}, now + timedelta(hours=1))
    with store.reading() as connection:
        assert host_facts.find(connection, [*many, "unknown"]) == {**many, "h1": '{"b": 2}'}
        assert host_facts.find(connection, list(many), since=now + timedelta(seconds=1)) == {"h1": '{"b": 2}'}
        assert host_facts.find(connection, ["h2"], since=now) == {"h2": "{}"}
        assert host_facts.find(connection, []) == {}
    with store.transaction() as connection:
        host_facts.forget(connection, ["h2", "unknown"])
    with store.reading() as connection:
        assert "h2" not in host_facts.find(connection, list(many))
