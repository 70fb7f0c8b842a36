from stella_ops.store import configurations


def test_revisions_count_changes_only(store, agent, now):
    def record(config, sha256):
        with store.transaction() as connection:
            return configurations.record(connection, agent.id, config, sha256, at=now, by="ops").revision

    with store.reading() as connection:
        assert configurations.latest(connection, agent.id) is None
    assert record({"a": 1}, "1" * 64) == 1
    assert record({"a": 1}, "1" * 64) == 1
    assert record({"a": 2}, "2" * 64) == 2
    assert record({"a": 1}, "1" * 64) == 3  # going back is a change too
    with store.reading() as connection:
        assert configurations.latest(connection, agent.id).revision == 3
        assert configurations.get(connection, agent.id, 2).config == {"a": 2}
        assert configurations.get(connection, agent.id, 9) is None
