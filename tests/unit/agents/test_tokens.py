import base64
import hashlib
import re
import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.agents.token_views import Binding
from stella_ops.agents.tokens import token_id_of
from stella_ops.errors import EnrolmentError, UsageError
from stella_ops.store import tokens as stored

KEY_A, KEY_B = "a" * 64, "b" * 64


@pytest.fixture
def token(tokens):
    return tokens.mint("web1", "prod", created_by="ops")


@pytest.fixture
def exchange(tokens, token):
    def run(key=KEY_A, *, value=token.value, name="web1", environment="prod"):
        return tokens.exchange(value, key, name=name, environment=environment)

    return run


def refusal(call, *args, **more):
    with pytest.raises(EnrolmentError) as caught:
        call(*args, **more)
    return caught.value


def test_a_token_has_its_form_and_shows_nowhere(token, clock):
    assert re.fullmatch(r"[0-9a-f]{16}\.[A-Za-z0-9_-]{43}", token.value)
    assert token.value.startswith(token.id + ".")
    assert token_id_of(token.value) == token.id
    assert token.value.split(".")[1] not in repr(token)
    assert token.expires_at == clock() + timedelta(minutes=15)


def test_the_store_has_the_digest_only(store, token, tmp_path, exchange):
    exchange()
    secret = token.value.split(".")[1]
    with store.reading() as connection:
        assert stored.get(connection, token.id).secret_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    files = list(tmp_path.glob("fleet.db*"))
    assert len(files) >= 2
    for file in files:
        content = file.read_bytes()
        assert secret.encode() not in content
        assert secret[:20].encode() not in content
    store.close()
    assert secret.encode() not in (tmp_path / "fleet.db").read_bytes()


def test_two_tokens_differ(tokens, token):
    assert tokens.mint("web1", "prod", created_by="ops").value != token.value


def test_the_first_key_may_come_again_and_no_other(exchange, audited):
    assert not exchange().repeated
    assert exchange().repeated
    refused = refusal(exchange, KEY_B)
    assert refused.reason == "used"
    assert "audit trail" in refused.hint
    assert refused.where == "web1"
    assert exchange().repeated
    assert audited() == [
        ("token.mint", "ok"),
        ("token.exchange", "ok"),
        ("token.exchange", "ok"),
        ("token.exchange", "refused"),
        ("token.exchange", "ok"),
    ]
    entry = audited("token.exchange")[2]
    assert entry.detail["reason"] == "used"
    assert entry.detail["public_key_sha256"] == KEY_B


def test_a_token_for_several_keys(tokens, exchange):
    value = tokens.mint("web1", "prod", created_by="ops", uses=2).value
    exchange(KEY_A, value=value)
    exchange(KEY_B, value=value)
    assert exchange(KEY_A, value=value).repeated
    assert refusal(exchange, "c" * 64, value=value).reason == "used"


def test_a_token_that_travels_by_hand_carries_the_authoritys_pin(tokens, exchange):
    pin = hashlib.sha256(b"root").hexdigest()
    made = tokens.mint("web1", "prod", created_by="ops", pin=pin)
    assert re.fullmatch(r"[0-9a-f]{16}\.[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43}", made.value)
    carried = made.value.rpartition(".")[2]
    assert base64.urlsafe_b64decode(carried + "=").hex() == pin
    assert token_id_of(made.value) == made.id
    assert not exchange(value=made.value).repeated
    assert exchange(value=made.value.rpartition(".")[0]).repeated


def test_a_token_can_be_looked_at_without_its_secret(tokens, token, exchange, clock):
    bound = Binding(platform="linux", capabilities=("docker",), labels={"a": "b"}, cluster_id="c1")
    other = tokens.mint("web2", "prod", created_by="ops", binding=bound)
    assert tokens.show(other.id).binding == bound
    assert [view.id for view in tokens.list()] == sorted([token.id, other.id])
    exchange(KEY_A)
    assert [view.id for view in tokens.list()] == [other.id]
    shown = tokens.show(token.value)
    assert (shown.status, shown.uses, shown.keys) == ("used", 1, (KEY_A,))
    assert token.value.split(".")[1] not in f"{shown} {shown.to_json()}"
    tokens.revoke(token.id, by="ops")
    clock.forward(hours=1)
    assert {view.id: view.status for view in tokens.list(everything=True)} == {token.id: "revoked", other.id: "expired"}
    with pytest.raises(UsageError, match="no token has the id"):
        tokens.show("0" * 16)


def test_a_token_ends(exchange, clock):
    clock.forward(minutes=14, seconds=59)
    exchange()
    clock.forward(seconds=1)
    assert refusal(exchange).reason == "expired"


def test_a_token_can_be_revoked(tokens, token, exchange, audited):
    exchange()
    assert tokens.revoke(token.id, by="ops")
    assert not tokens.revoke(token.id, by="ops")
    assert refusal(exchange).reason == "revoked"
    assert len(audited("token.revoke")) == 1


def test_a_token_is_bound_to_name_and_environment(exchange):
    assert refusal(exchange, name="web2").reason == "wrong_name"
    assert refusal(exchange, environment="dev").reason == "wrong_environment"
    assert not exchange().repeated  # a refusal uses nothing up


def test_wrong_secrets_and_unknown_ids_look_alike(exchange, token, audited):
    wrong_secret = refusal(exchange, value=token.id + "." + "A" * 43)
    unknown = refusal(exchange, value="0" * 16 + token.value[16:])
    assert (wrong_secret.reason, str(wrong_secret), wrong_secret.hint) == (
        unknown.reason,
        str(unknown),
        unknown.hint,
    )
    assert [e.detail["reason"] for e in audited("token.exchange")] == ["wrong_secret", "unknown"]


@given(st.text(max_size=80))
def test_any_text_is_malformed(text):
    assert token_id_of(text) is None


@pytest.mark.parametrize("value", ["", "x", "0" * 16, "0" * 16 + "." + "A" * 42 + "\n", "É" * 60])
def test_malformed_tokens_are_refused_and_audited(exchange, audited, value):
    assert refusal(exchange, value=value).reason == "malformed"
    assert audited()[-1] == ("token.exchange", "refused")


def test_refusals_do_not_hold_the_token(exchange, token, audited):
    exchange()
    refused = refusal(exchange, KEY_B)
    secret = token.value.split(".")[1]
    assert secret not in f"{refused!r} {refused} {refused.hint}"
    assert secret not in repr(audited("token.exchange"))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"ttl": timedelta(days=2)}, "bad_ttl"),
        ({"ttl": timedelta(0)}, "bad_ttl"),
        ({"uses": 0}, "bad_uses"),
        ({"uses": 101}, "bad_uses"),
    ],
)
def test_limits(tokens, asked, reason):
    assert refusal(tokens.mint, "web1", "prod", created_by="ops", **asked).reason == reason


def test_of_twenty_threads_one_key_succeeds_and_may_repeat(tokens, token):
    ready, said = threading.Barrier(20), []

    def run(number):
        ready.wait()
        try:
            said.append(
                (number % 4, tokens.exchange(token.value, f"{number % 4:064x}", name="web1", environment="prod"))
            )
        except EnrolmentError as refused:
            said.append((None, refused.reason))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    granted = [(key, outcome.repeated) for key, outcome in said if key is not None]
    assert len({key for key, _ in granted}) == 1
    assert sorted(repeated for _, repeated in granted) == [False] + [True] * 4
    assert [outcome for key, outcome in said if key is None] == ["used"] * 15
