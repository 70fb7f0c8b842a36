"""An agent's life as the server sees it: from a token to a certificate, and all that it says and asks with that."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

STATUS = {
    "running": True,
    "version": "9.9.9",
    "last_heartbeat": {"seq": 1, "time": "2025-03-04T05:06:07Z", "status": "healthy"},
}


def private_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def register(agent, client=None):
    asked = {"version": "0.1.0", "protocol": 1, "python": "3.11.2", "status": STATUS}
    return (client or agent.client()).post("/v1/agents/self/register", json=asked)


@pytest.fixture(scope="module")
def agent(server):
    return server.enrol("web1")


@pytest.fixture(scope="module")
def client(agent):
    made = agent.client()
    assert register(agent, made).status_code == 200
    return made


def fingerprint(chain):
    der = x509.load_pem_x509_certificates(chain.encode())[0].public_bytes(Encoding.DER)
    return hashlib.sha256(der).hexdigest()


def test_from_a_token_to_a_confirmed_agent(server):
    pending = server.mint("web2")
    stranger = server.client()
    who = stranger.post("/v1/enroll/identity", json={"token": pending.token})
    assert who.json() == {"agent_id": pending.agent_id, "name": "web2", "environment": "production"}
    agent = server.enrol("web2", token=pending.token)
    answer = agent.answer
    assert answer["agent_id"] == pending.agent_id
    assert answer["ca"] == server.root.read_text() == stranger.get("/ca.pem").text
    assert answer["config"]["agent_name"] == "web2"
    assert not answer["repeated"]
    registered = register(agent)
    assert registered.status_code == 200, registered.text
    assert (
        registered.json().items()
        >= {
            "agent_id": pending.agent_id,
            "heartbeat_interval": 30.0,
            "config_revision": answer["config_revision"],
            "config_sha256": answer["config_sha256"],
        }.items()
    )
    assert server.fleet.registry.get("web2").status == "healthy"
    assert server.fleet.registry.get("web2").version == "0.1.0"
    steps = [(line["step"], line["event"]) for line in server.log if line.get("step")]
    assert steps[-5:] == [
        (3, "Start agent with token"),
        (4, "Exchange token"),
        (5, "Issue cert"),
        (6, "Register"),
        (7, "Confirm"),
    ]
    assert pending.token not in server.log_file.read_text()


def test_the_same_key_may_repeat_the_exchange(server):
    token = server.mint("web3").token
    key = ec.generate_private_key(ec.SECP256R1())
    first = server.enrol("web3", key=key, token=token)
    again = server.enrol("web3", key=key, token=token)
    assert again.answer == {**first.answer, "repeated": True}


def test_an_sshsig_proof(server, tmp_path):
    pending = server.mint("web4")
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ecdsa", "-b", "256", "-N", "", "-C", "", "-f", tmp_path / "key"], check=True
    )
    challenge = (
        f"stella-enrol/v1\nagent_id={pending.agent_id}\nname=web4\nenvironment=production\n"
        f"token_id={pending.token.split('.')[0]}\n"
    )
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "stella-enrol@stella-ops", "-f", tmp_path / "key"]
    signature = subprocess.run(command, input=challenge, capture_output=True, text=True, check=True).stdout
    asked = {
        "token": pending.token,
        "kind": "sshsig",
        "public_key": (tmp_path / "key.pub").read_text().strip(),
        "signature": signature,
        "challenge": challenge,
    }
    answer = server.client().post("/v1/enroll", json=asked)
    assert answer.status_code == 200, answer.text


def test_heartbeats(client, agent, server):
    beats = [
        {"seq": seq, "time": f"2025-03-04T06:00:{seq:02}Z", "status": "healthy", "version": "0.1.1"}
        for seq in (1, 2, 3)
    ]
    for _ in range(2):
        answer = client.post("/v1/agents/self/heartbeat", json={"heartbeats": [*beats, {"seq": "x"}, None]})
        assert answer.status_code == 200
        assert answer.json()["last_seq"] == 3
        assert answer.json()["config_revision"] == agent.answer["config_revision"]
        assert answer.json()["tasks"] == 0
    view = server.fleet.registry.get("web1")
    assert view.last_visit_age < 60
    assert view.version == "0.1.1"


def test_the_configuration_and_what_became_of_it(client, agent, server):
    first = client.get("/v1/agents/self/config")
    assert first.json() == {
        "revision": agent.answer["config_revision"],
        "sha256": agent.answer["config_sha256"],
        "config": agent.answer["config"],
    }
    tag = first.headers["etag"]
    assert tag == f'"{agent.answer["config_sha256"]}"'
    known = client.get("/v1/agents/self/config", headers={"if-none-match": f'W/"x", {tag}'})
    assert known.status_code == 304
    assert known.content == b""
    outcome = {"revision": first.json()["revision"], "sha256": first.json()["sha256"]}
    for _ in range(2):
        said = client.post("/v1/agents/self/config", json={**outcome, "status": "applied"})
        assert said.json() == {}
    assert server.fleet.registry.get("web1").config_revision == outcome["revision"]
    refused = {**outcome, "status": "refused", "problems": ["logging.level: no such level"]}
    assert client.post("/v1/agents/self/config", json=refused).status_code == 200
    entries = [entry for entry in server.audited("config.push") if entry.subject == "web1"]
    assert [entry.outcome for entry in entries] == ["ok", "refused"]
    wrong = client.post("/v1/agents/self/config", json={**outcome, "revision": 99, "status": "applied"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (409, "unknown-revision")


def test_renewal(server, certificate_request):
    agent = server.enrol("web5")
    old = agent.client()
    assert register(agent, old).status_code == 200
    key = ec.generate_private_key(ec.SECP256R1())
    wrong = old.post("/v1/agents/self/certificate", json={"csr": certificate_request(key, "web1")})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (403, "renewal-refused")
    answer = old.post("/v1/agents/self/certificate", json={"csr": certificate_request(key, "web5")})
    assert answer.status_code == 200, answer.text
    assert old.get("/v1/agents/self/config").status_code == 200, "the old one is good until the new one registers"
    agent.key, agent.chain = key, answer.json()["chain"]
    new = agent.client()
    assert register(agent, new).status_code == 200
    gone = old.get("/v1/agents/self/config")
    assert (gone.status_code, gone.json()["error"]["code"]) == (403, "certificate-revoked")
    assert new.get("/v1/agents/self/config").status_code == 200


def test_renewal_by_sshsig(server, tmp_path):
    agent = server.enrol("web6")
    key = tmp_path / "key"
    key.write_bytes(private_pem(agent.key))
    key.chmod(0o600)
    line = agent.key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    (tmp_path / "key.pub").write_text(line + "\n")
    challenge = (
        f"stella-enrol/v1\nagent_id={agent.answer['agent_id']}\nname=web6\nenvironment=production\n"
        f"token_id={fingerprint(agent.chain)[:16]}\n"
    )
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "stella-enrol@stella-ops", "-f", key]
    signature = subprocess.run(command, input=challenge, capture_output=True, text=True, check=True).stdout
    asked = {"kind": "sshsig", "public_key": line, "signature": signature}
    answer = agent.client().post("/v1/agents/self/certificate", json=asked)
    assert answer.status_code == 200, answer.text
    assert fingerprint(answer.json()["chain"]) != fingerprint(agent.chain)


def test_tasks_travel_by_pull(server, client, agent):
    checkin, agent_id = server.fleet.checkin, agent.answer["agent_id"]
    task = checkin.request(agent_id, "status", {}, by="test")
    assert client.post("/v1/agents/self/heartbeat", json={"heartbeats": []}).json()["tasks"] == 1
    found = client.get("/v1/agents/self/tasks").json()["tasks"]
    assert found == [{"id": task.id, "method": "status", "params": {}}]
    assert client.get("/v1/agents/self/tasks").json()["tasks"] == [], "it is being done"
    other = server.enrol("web7").client()
    result = {"results": [{"id": task.id, "response": {"ok": True, "result": {"running": True}}}]}
    assert other.post("/v1/agents/self/results", json=result).json() == {"accepted": 0}
    assert client.post("/v1/agents/self/results", json=result).json() == {"accepted": 1}
    assert client.post("/v1/agents/self/results", json=result).json() == {"accepted": 0}


def test_a_waiting_agent_is_woken(server, client, agent):
    """By a task that another process makes: the server looks again. By its own API: at once (test_operators)."""
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(client.get("/v1/agents/self/tasks?wait=20")))
    waiting.start()
    begun = time.monotonic()
    server.fleet.checkin.request(agent.answer["agent_id"], "version", {}, by="test")
    waiting.join()
    assert [task["method"] for task in answers[0].json()["tasks"]] == ["version"]
    assert time.monotonic() - begun < 12


def test_logs(client, server, agent):
    entries = [
        {"seq": 1, "time": "2025-03-04T06:00:01Z", "level": "info", "event": "started", "pid": 7},
        {"seq": 2, "time": "2025-03-04T06:00:02Z", "level": "strange", "event": "x\u0000y"},
        {"seq": 3, "time": "yesterday", "event": "x"},
        "no entry",
        {"seq": 4, "time": "2025-03-04T06:00:03Z", "level": "error", "event": "big", "data": "x" * 100_000},
    ]
    answer = client.post("/v1/agents/self/logs", json={"entries": entries})
    assert answer.json() == {"accepted": 3, "last_seq": 4}
    assert client.post("/v1/agents/self/logs", json={"entries": entries}).json() == {"accepted": 0, "last_seq": 4}
