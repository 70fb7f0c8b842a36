from datetime import timedelta

import pytest

from stella_ops.store import tokens

KEY_A, KEY_B = "a" * 64, "b" * 64


@pytest.fixture
def token(store, now):
    made = tokens.Token(
        id="0" * 16,
        secret_sha256="5" * 64,
        agent_name="web1",
        environment="prod",
        created_at=now,
        created_by="ops",
        expires_at=now + timedelta(minutes=15),
        max_uses=1,
    )
    with store.transaction() as connection:
        tokens.add(connection, made)
    return made


def test_a_token_comes_back_without_showing_its_digest(store, token):
    with store.reading() as connection:
        found = tokens.get(connection, token.id)
        assert tokens.get(connection, "1" * 16) is None
    assert found == token
    assert token.secret_sha256 not in repr(found)


def test_one_use_binds_one_key(store, token, now):
    with store.transaction() as connection:
        assert not tokens.is_bound(connection, token.id, KEY_A)
        assert tokens.bind(connection, token.id, KEY_A, now)
        assert tokens.is_bound(connection, token.id, KEY_A)
        assert not tokens.is_bound(connection, token.id, KEY_B)
        assert not tokens.bind(connection, token.id, KEY_B, now)
        assert tokens.get(connection, token.id).uses == 1


def test_a_revoked_token_binds_nothing(store, token, now):
    with store.transaction() as connection:
        assert tokens.valid(connection, now) == [token]
        assert tokens.revoke(connection, token.id, now)
        assert not tokens.revoke(connection, token.id, now)
        assert not tokens.bind(connection, token.id, KEY_A, now)
        assert tokens.valid(connection, now) == []


def test_expired_tokens_are_not_valid(store, token):
    with store.reading() as connection:
        assert tokens.valid(connection, token.expires_at) == []
