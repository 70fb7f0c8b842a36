"""Enrolment from afar: identify, exchange, exactly once, with the configuration the token is bound to."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from stella_ops.agents.enrolment import PendingEnrolment
from stella_ops.agents.superseding import settle
from stella_ops.agents.token_views import Binding
from stella_ops.errors import EnrolmentError, PkiError
from stella_ops.store import agents, certificates, configurations, counters, tokens


@pytest.fixture
def fleet(make_fleet, store_url):
    return make_fleet(store_url)


@pytest.fixture
def prove_for(prove):
    """A proof for the agent ``name``, as a host with openssl gives it, without the token."""

    def make(name="web1", **more):
        pending = PendingEnrolment(agent_id="", name=name, environment="", token="", expires_at=None)
        proof = prove(pending, **more)
        del proof["token"]
        return proof

    return make


def refusal(call, *args, **more):
    with pytest.raises(EnrolmentError) as caught:
        call(*args, **more)
    return caught.value.reason


def failures(fleet):
    with fleet.store.reading() as connection:
        return {
            (c.labels["environment"], c.labels["reason"]): c.value
            for c in counters.every(connection)
            if c.name == "stella_agent_bootstrap_failed_total"
        }


def test_a_token_tells_whom_it_is_for_and_is_not_used_up(fleet):
    token = fleet.request("web1", "prod")
    first = fleet.exchange.identify(token, actor="agent")
    assert (first.name, first.environment) == ("web1", "prod")
    assert fleet.exchange.identify(token, actor="agent") == first
    with fleet.store.reading() as connection:
        assert tokens.get(connection, token.split(".")[0]).uses == 0


def test_an_exchange_gives_certificate_and_configuration(fleet, prove_for):
    binding = Binding(
        platform="linux", capabilities=("docker", "compose"), labels={"tier": "web"}, cluster_id="cluster-1"
    )
    token = fleet.request("web1", "prod", binding)
    got = fleet.exchange.exchange(token, prove_for(), actor="agent")
    assert not got.enrolment.repeated
    assert fleet.authority.signed(got.enrolment.chain_pem)
    assert got.config["orchestrator_url"] == "https://orchestrator.example:8443"
    assert got.config["capabilities"] == ["docker", "compose"]
    assert got.config["labels"] == {"tier": "web"}
    assert got.config["cluster"]["id"] == "cluster-1"
    assert got.config["agent_id"] == got.enrolment.agent_id
    with fleet.store.reading() as connection:
        kept = configurations.latest(connection, got.enrolment.agent_id)
        assert (kept.revision, kept.sha256) == (got.config_revision, got.config_sha256)
        assert agents.get(connection, got.enrolment.agent_id).labels == {"tier": "web"}


def test_the_same_key_gets_the_same_answer_until_the_token_expires(fleet, prove_for, clock):
    token = fleet.request("web1", "prod")
    first = fleet.exchange.exchange(token, prove_for(), actor="agent")
    clock.forward(minutes=14)
    again = fleet.exchange.exchange(token, prove_for(), actor="agent")
    assert again.enrolment.repeated
    assert again.enrolment.chain_pem == first.enrolment.chain_pem
    assert (again.config, again.config_revision) == (first.config, first.config_revision)
    clock.forward(minutes=1)
    assert refusal(fleet.exchange.exchange, token, prove_for(), actor="agent") == "expired"
    assert refusal(fleet.exchange.identify, token, actor="agent") == "expired"


def test_an_answer_that_is_asked_for_again_takes_back_no_later_configuration(fleet, prove_for):
    token = fleet.request("web1", "prod", Binding(capabilities=("docker",)))
    first = fleet.exchange.exchange(token, prove_for(), actor="agent")
    changed = fleet.configurations.desire(first.enrolment.agent_id, {"capabilities": ["compose"]}, actor="ops")
    again = fleet.exchange.exchange(token, prove_for(), actor="agent")
    assert (again.config["capabilities"], again.config_revision) == (["compose"], changed.revision)


def test_another_key_is_refused_and_counted(fleet, prove_for):
    token = fleet.request("web1", "prod")
    fleet.exchange.exchange(token, prove_for(), actor="agent")
    other = prove_for(key=ec.generate_private_key(ec.SECP256R1()))
    assert refusal(fleet.exchange.exchange, token, other, actor="agent") == "used"
    assert failures(fleet) == {("prod", "used"): 1}


@pytest.mark.parametrize(
    ("claimed", "reason"),
    [({"name": "web2"}, "wrong_name"), ({"environment": "dev"}, "wrong_environment")],
)
def test_a_host_that_believes_to_be_another_is_refused(fleet, prove_for, claimed, reason, audited):
    token = fleet.request("web1", "prod")
    assert refusal(fleet.exchange.exchange, token, prove_for(), actor="agent@9", **claimed) == reason
    entry = audited("token.exchange")[-1]
    assert (entry.actor, entry.subject, entry.outcome, entry.detail["reason"]) == ("agent@9", "web1", "refused", reason)
    assert failures(fleet) == {("prod", reason): 1}
    # Nothing was used up.
    assert not fleet.exchange.exchange(
        token, prove_for(), name="web1", environment="prod", actor="a"
    ).enrolment.repeated


def test_what_strangers_send_makes_one_series_however_much_it_is(fleet, prove_for):
    for number in range(5):
        assert refusal(fleet.exchange.identify, f"{number:016x}." + "A" * 43, actor="agent") == "unknown"
        assert refusal(fleet.exchange.identify, "x" * number, actor="agent") == "malformed"
        more = {"name": f"n{number}", "environment": f"e{number}", "actor": "agent"}
        assert refusal(fleet.exchange.exchange, f"{number:016x}." + "A" * 43, prove_for(), **more) == "unknown"
    assert failures(fleet) == {("", "unknown"): 10, ("", "malformed"): 5}


def test_a_proof_for_another_name_uses_nothing_up(fleet, prove_for):
    token = fleet.request("web1", "prod")
    with pytest.raises(PkiError):
        fleet.exchange.exchange(token, prove_for("web2"), actor="agent")
    assert failures(fleet) == {("prod", "bad_proof"): 1}
    assert not fleet.exchange.exchange(token, prove_for(), actor="agent").enrolment.repeated


def test_what_cannot_be_configured_is_not_enrolled(fleet, prove_for, monkeypatch):
    """All or nothing: the certificate is not issued when the configuration cannot be recorded."""
    token = fleet.request("web1", "prod")
    monkeypatch.setattr(configurations, "record", lambda *args, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fleet.exchange.exchange(token, prove_for(), actor="agent")
    with fleet.store.reading() as connection:
        agent = agents.find(connection, "web1", "prod")
        assert agent.enrolled_at is None
        assert certificates.of_agent(connection, agent.id) == []
        assert tokens.get(connection, token.split(".")[0]).uses == 0


def test_a_known_agent_keeps_what_the_new_token_does_not_speak_of(fleet, prove_for):
    first = fleet.request("web1", "prod", Binding(capabilities=("docker",), labels={"a": "b"}))
    before = fleet.exchange.exchange(first, prove_for(), actor="agent")
    second = fleet.request("web1", "prod", Binding(labels={"c": "d"}))
    after = fleet.exchange.exchange(second, prove_for(), actor="agent")
    assert after.enrolment.agent_id == before.enrolment.agent_id
    assert after.config["capabilities"] == ["docker"]
    assert after.config["labels"] == {"c": "d"}
    assert after.config_revision == before.config_revision + 1


def test_renewal_needs_a_certificate_that_is_good(fleet, prove_for, clock, audited):
    token = fleet.request("web1", "prod")
    first = fleet.exchange.exchange(token, prove_for(), actor="agent").enrolment
    clock.forward(days=300)
    renewed = fleet.enrolment.renew(prove_for(), first.certificate.fingerprint_sha256, actor="agent")
    assert renewed.agent_id == first.agent_id
    assert renewed.certificate.serial != first.certificate.serial
    assert renewed.certificate.not_after - first.certificate.not_after > timedelta(days=299)
    assert audited("certificate.renew")[-1].detail["serial"] == renewed.certificate.serial
    # The old one is good until the new one is seen at work.
    fingerprint = renewed.certificate.fingerprint_sha256
    assert settle(fleet.store, first.agent_id, fingerprint, now=clock(), actor="agent") == 1
    call = fleet.enrolment.renew
    assert refusal(call, prove_for(), first.certificate.fingerprint_sha256, actor="agent") == "revoked"
    assert refusal(call, prove_for(), "0" * 64, actor="agent") == "unknown_certificate"
    with pytest.raises(PkiError):
        call(prove_for("web2"), renewed.certificate.fingerprint_sha256, actor="agent")
