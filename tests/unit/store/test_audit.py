from stella_ops.store import audit


def test_entries_in_their_order(store, now):
    made = [
        audit.AuditEntry(time=now, actor="ops", act="token.mint", subject="web1", detail={"ttl": "15m"}),
        audit.AuditEntry(time=now, actor="agent", act="token.exchange", subject="web1", outcome="refused"),
        audit.AuditEntry(time=now, actor="ops", act="token.mint", subject="web2"),
    ]
    with store.transaction() as connection:
        for entry in made:
            audit.record(connection, entry)
        assert audit.entries(connection) == made
        assert audit.entries(connection, act="token.mint") == [made[0], made[2]]
        assert audit.entries(connection, subject="web1", limit=1) == [made[1]]
