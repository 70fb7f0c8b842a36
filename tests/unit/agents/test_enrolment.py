import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from stella_ops.agents.enrolment import EnrolmentService
from stella_ops.agents.held_identity import reason_to_enrol
from stella_ops.errors import EnrolmentError, PkiError
from stella_ops.pki.authority import CertificateAuthority
from stella_ops.pki.keys import public_key_sha256
from stella_ops.pki.requests import CHALLENGE_NAMESPACE, challenge_text
from stella_ops.remote.agent import keys
from stella_ops.remote.lib.layout import Layout
from stella_ops.store import agents, certificates


@pytest.fixture
def pending(enrolment):
    return enrolment.begin("web1", "prod", "web1.example", ansible_host="10.0.0.1", labels={"a": "b"}, actor="ops")


@pytest.fixture
def complete(enrolment, pending):
    def run(proof, pending=pending, **more):
        who = {"agent_id": pending.agent_id, "name": pending.name, "environment": pending.environment}
        return enrolment.complete(proof, actor="ops", **{**who, **more})

    return run


@pytest.fixture
def count(store):
    def read():
        with store.reading() as connection:
            return sum(len(certificates.of_agent(connection, a.id)) for a in agents.every(connection))

    return read


def test_an_agent_is_known_from_the_beginning(store, pending):
    with store.reading() as connection:
        agent = agents.get(connection, pending.agent_id)
    assert (agent.name, agent.environment, agent.host) == ("web1", "prod", "web1.example")
    assert (agent.ansible_host, agent.labels, agent.status) == ("10.0.0.1", {"a": "b"}, "unknown")
    assert agent.enrolled_at is None
    assert pending.token not in repr(pending)
    assert pending.csr_params() == {
        "agent_id": pending.agent_id,
        "name": "web1",
        "environment": "prod",
        "token": pending.token,
    }


def test_a_name_keeps_its_identity(enrolment, store, pending):
    again = enrolment.begin("web1", "prod", "moved.example", actor="ops")
    assert again.agent_id == pending.agent_id
    assert again.token != pending.token
    with store.reading() as connection:
        agent = agents.get(connection, pending.agent_id)
    assert (agent.host, agent.ansible_host, agent.labels) == ("moved.example", "10.0.0.1", {"a": "b"})
    assert enrolment.begin("web1", "dev", "web1.example", actor="ops").agent_id != pending.agent_id


@pytest.mark.parametrize("name", ["", "a b", "a\nenvironment=x", "x" * 64, "-a", "ä", "a/b", "a."])
def test_bad_names(enrolment, name):
    with pytest.raises(EnrolmentError) as caught:
        enrolment.begin(name, "prod", "h", actor="ops")
    assert caught.value.reason == "bad_name"
    with pytest.raises(EnrolmentError) as caught:
        enrolment.begin("web1", name, "h", actor="ops")
    assert caught.value.reason == "bad_environment"


def test_enrolment_with_a_request(store, authority, complete, pending, prove, host_key, clock, audited):
    done = complete(prove(pending))
    leaf, issuing = x509.load_pem_x509_certificates(done.chain_pem.encode())
    assert leaf.public_key() == host_key.public_key()
    assert issuing == authority.issuing
    assert done.ca_pem == authority.root_pem
    assert done.certificate.public_key_sha256 == public_key_sha256(host_key.public_key())
    assert done.certificate.serial == f"{leaf.serial_number:x}"
    assert done.agent_id == pending.agent_id
    with store.reading() as connection:
        agent = agents.get(connection, pending.agent_id)
    assert agent.enrolled_at == clock()
    assert agent.certificate_fingerprint == done.certificate.fingerprint_sha256
    assert agent.certificate_expires_at == done.certificate.not_after == clock() + timedelta(days=365)
    assert audited() == [("token.mint", "ok"), ("token.exchange", "ok"), ("certificate.issue", "ok")]


@pytest.mark.parametrize("prefer", ["openssl", "ssh-keygen"])
def test_enrolment_with_the_agents_own_proof(tmp_path, complete, pending, prefer):
    layout = Layout.at(str(tmp_path / "agent"))
    Path(layout.identity).mkdir(parents=True)
    who = (pending.agent_id, pending.name, pending.environment, pending.token)
    proof = {**keys.request_certificate(layout, *who, prefer), "token": pending.token}
    assert proof["kind"] == {"openssl": "pkcs10", "ssh-keygen": "sshsig"}[prefer]
    done = complete(proof)
    assert done.certificate.public_key_sha256 == keys.public_key_sha256(layout)


def test_enrolment_with_ssh_keygen(tmp_path, complete, pending):
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ecdsa", "-b", "256", "-m", "PKCS8", "-N", "", "-f", tmp_path / "id"], check=True
    )

    def proof(**changed):
        said = {"agent_id": pending.agent_id, "name": "web1", "environment": "prod", "token_id": pending.token[:16]}
        text = challenge_text(**{**said, **changed})
        signed = subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-n", CHALLENGE_NAMESPACE, "-f", tmp_path / "id"],
            input=text.encode(),
            capture_output=True,
            check=True,
        )
        return {
            "kind": "sshsig",
            "public_key": (tmp_path / "id.pub").read_text(),
            "signature": signed.stdout.decode(),
            "challenge": text,
            "token": pending.token,
        }

    for changed in ({"name": "web2"}, {"token_id": "0" * 16}, {"agent_id": "other"}, {"environment": "dev"}):
        with pytest.raises(PkiError, match="signature is wrong"):
            complete(proof(**changed))
    assert not complete(proof()).repeated


def test_a_lost_answer_is_given_again(complete, pending, prove, clock, count):
    first = complete(prove(pending))
    clock.forward(minutes=10)
    again = complete(prove(pending))
    assert again.repeated
    assert (again.chain_pem, again.certificate) == (first.chain_pem, first.certificate)
    assert count() == 1


def test_another_key_is_refused(complete, pending, prove, count, audited):
    complete(prove(pending))
    with pytest.raises(EnrolmentError) as caught:
        complete(prove(pending, key=ec.generate_private_key(ec.SECP256R1())))
    assert caught.value.reason == "used"
    assert count() == 1
    assert audited()[-1] == ("token.exchange", "refused")


def test_a_wrong_proof_leaves_the_token_as_it_was(complete, pending, prove, count, audited):
    for proof in [
        prove(pending, name="web2"),
        {**prove(pending), "csr": "junk"},
        {"kind": "pkcs10", "token": pending.token},
        {"kind": "sshsig", "token": pending.token, "public_key": 3, "signature": []},
        {"kind": "other", "token": pending.token},
        {},
    ]:
        with pytest.raises(PkiError):
            complete(proof)
        assert audited()[-1] == ("agent.enrol", "refused")
    assert count() == 0
    assert not complete(prove(pending)).repeated


def test_tokens_that_are_none(complete, pending, prove):
    for token in (None, 3, "", "junk"):
        with pytest.raises(EnrolmentError) as caught:
            complete({**prove(pending), "token": token})
        assert caught.value.reason == "malformed"


def test_one_agents_token_is_not_anothers(enrolment, complete, pending, prove):
    other = enrolment.begin("web2", "prod", "h", actor="ops")
    with pytest.raises(EnrolmentError) as caught:
        complete({**prove(other), "token": pending.token}, other)
    assert caught.value.reason == "wrong_name"


def test_another_id_is_refused(complete, pending, prove, count, audited):
    with pytest.raises(EnrolmentError) as caught:
        complete(prove(pending), agent_id="someone-else")
    assert caught.value.reason == "unknown_agent"
    assert audited()[-1] == ("agent.enrol", "refused")
    assert count() == 0


def test_when_signing_fails_the_token_is_not_used_up(monkeypatch, authority, complete, pending, prove, count):
    def fail(*args, **more):
        raise PkiError("the issuing certificate has ended")

    monkeypatch.setattr(authority, "issue_agent_certificate", fail)
    with pytest.raises(PkiError):
        complete(prove(pending))
    monkeypatch.undo()
    assert not complete(prove(pending)).repeated
    assert count() == 1


def test_the_same_answer_to_many_at_once(complete, pending, prove, count):
    proof, ready, said = prove(pending), threading.Barrier(8), []

    def run():
        ready.wait()
        said.append(complete(proof).chain_pem)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 8
    assert len(set(said)) == 1
    assert count() == 1


@pytest.fixture
def enrolled(complete, pending, prove, host_key):
    done = complete(prove(pending))
    return {
        "key": True,
        "identity_public_key_sha256": public_key_sha256(host_key.public_key()),
        "certificate": {"fingerprint_sha256": done.certificate.fingerprint_sha256},
    }


def test_reasons_to_enrol(authority, enrolled, clock, store, pending, registry):
    def reason(name="web1", environment="prod", **changed):
        status = {**enrolled, **changed}
        return reason_to_enrol(store, authority, status, name=name, environment=environment, now=clock())

    assert reason() is None
    assert reason(identity_public_key_sha256=None) is None
    assert "no key" in reason(key=False)
    assert "no certificate" in reason(certificate=None)
    assert "not in the fleet store" in reason("web2")
    assert "not one that this fleet issued" in reason(certificate={"fingerprint_sha256": "0" * 64})
    assert "not belong to its key" in reason(identity_public_key_sha256="0" * 64)
    clock.forward(days=365 - 7, seconds=-1)
    assert reason() is None
    clock.forward(seconds=1)
    assert "about to expire" in reason()
    clock.forward(days=-300)
    registry.decommission(pending.agent_id, actor="ops")
    assert "decommissioned" in reason()


def test_reasons_of_revocation_and_of_another_authority(authority, enrolled, clock, store, tmp_path):
    who = {"name": "web1", "environment": "prod", "now": clock()}
    other = CertificateAuthority.load_or_create(tmp_path / "other", passphrase=None, clock=clock)
    assert "another authority" in reason_to_enrol(store, other, enrolled, **who)
    with store.transaction() as connection:
        held = certificates.by_fingerprint(connection, enrolled["certificate"]["fingerprint_sha256"])
        certificates.revoke(connection, held.serial, clock(), "key_compromise")
    assert "revoked" in reason_to_enrol(store, authority, enrolled, **who)


def test_a_short_life_is_renewed_in_its_last_third(store, authority, tokens, clock, randomness, prove):
    short = EnrolmentService(
        store, authority, tokens, clock=clock, random=randomness, validity=timedelta(hours=3, minutes=-5)
    )
    pending = short.begin("web1", "prod", "h", actor="ops")
    who = {"name": "web1", "environment": "prod"}
    done = short.complete(prove(pending), agent_id=pending.agent_id, actor="ops", **who)
    status = {"key": True, "certificate": {"fingerprint_sha256": done.certificate.fingerprint_sha256}}
    clock.forward(hours=1, minutes=54)
    assert reason_to_enrol(store, authority, status, **who, now=clock()) is None
    clock.forward(minutes=1)
    assert "about to expire" in reason_to_enrol(store, authority, status, **who, now=clock())


def test_a_decommissioned_agent_can_come_back(enrolment, registry, complete, pending, prove):
    first = complete(prove(pending))
    registry.decommission(pending.agent_id, actor="ops")
    again = enrolment.begin("web1", "prod", "h", actor="ops")
    second = complete(prove(again), again)
    assert second.agent_id == first.agent_id
    assert registry.get("web1").status == "unknown"
