from datetime import timedelta

from stella_ops.store import operators


def operator(number, now, **more):
    return operators.Operator(
        id=f"{number:016x}",
        name="alice",
        role="viewer",
        kind="api_key",
        created_at=now + timedelta(seconds=number),
        created_by="test",
        **more,
    )


def test_operators_come_back_in_the_order_they_were_added(store, now):
    made = [operator(number, now, secret_sha256=f"{number:064x}") for number in (2, 1, 3)]
    with store.transaction() as connection:
        for one in made:
            operators.add(connection, one)
    with store.reading() as connection:
        assert operators.every(connection) == sorted(made, key=lambda one: one.created_at)
        assert operators.get(connection, made[0].id) == made[0]
        assert operators.get(connection, "f" * 16) is None
        assert "0000000002" not in repr(operators.get(connection, made[0].id)).replace(made[0].id, "")


def test_by_fingerprint(store, now):
    made = operator(1, now, certificate_fingerprint="a" * 64)
    with store.transaction() as connection:
        operators.add(connection, made)
        operators.add(connection, operator(2, now))
        operators.add(connection, operator(3, now))
    with store.reading() as connection:
        assert operators.by_fingerprint(connection, "a" * 64) == made
        assert operators.by_fingerprint(connection, "b" * 64) is None


def test_revoked_once(store, now):
    with store.transaction() as connection:
        operators.add(connection, operator(1, now))
        assert operators.revoke(connection, f"{1:016x}", now)
        assert not operators.revoke(connection, f"{1:016x}", now + timedelta(days=1))
        assert not operators.revoke(connection, f"{2:016x}", now)
        operators.used(connection, f"{1:016x}", now)
    with store.reading() as connection:
        found = operators.get(connection, f"{1:016x}")
    assert (found.revoked_at, found.last_used_at) == (now, now)
