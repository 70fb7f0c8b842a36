"""The real package as a process, under each Python: from a token to a working agent and its end."""

import datetime
import json
import os
import signal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from stella_ops.remote.agent.endpoint import TUNNEL_NAME


def _enrol(agent, orchestrator, *more, token=None, env=None):
    given = (token or orchestrator.token).encode() + b"\n"
    return agent.command("enrol", "--url", orchestrator.url, "--token-stdin", *more, given=given, env=env)


def _fingerprint(agent):
    leaf = x509.load_pem_x509_certificates(Path(agent.layout.certificate).read_bytes())[0]
    return leaf.fingerprint(hashes.SHA256()).hex()


def test_from_the_token_to_the_end(agent, orchestrator):
    """Enrol, register, heartbeat, configuration, task, logs, renewal, last heartbeat; and the memory it takes."""
    orchestrator.validity = datetime.timedelta(minutes=10)
    orchestrator.backdate = datetime.timedelta(hours=1)  # most of its life is over: it is renewed at once
    done = _enrol(agent, orchestrator, "--format", "json")
    assert done.returncode == 0, done.stdout
    told = json.loads(done.stdout)
    assert (told["agent_id"], told["name"], told["environment"]) == ("a-1", "web-01", "test")
    first = _fingerprint(agent)
    assert told["fingerprint_sha256"] == first
    steps = [(line["step"], line["event"]) for line in agent.log()]
    assert steps == [(3, "Start agent with token"), (4, "Exchange token"), (5, "Issue cert")]

    process = agent.run()
    orchestrator.until(lambda: len(orchestrator.seen["registered"]) == 2)  # the second with the new certificate
    second = _fingerprint(agent)
    assert orchestrator.seen["fingerprints"] == [first, second]
    registered = orchestrator.seen["registered"][0]
    assert (registered["version"], registered["protocol"]) == ("1.2.3", 1)
    assert registered["status"]["agent_id"] == "a-1"
    assert {6, 7} <= {line.get("step") for line in agent.log()}
    orchestrator.until(lambda: len(orchestrator.seen["heartbeats"]) >= 3)
    beat = max(orchestrator.seen["heartbeats"].items())[1]
    assert (beat["agent_id"], beat["name"], beat["reasons"]) == ("a-1", "web-01", [])

    orchestrator.configure(labels={"tier": "web"})
    orchestrator.until(lambda: orchestrator.seen["reports"])
    assert orchestrator.seen["reports"][0]["status"] == "applied"
    wanted = orchestrator.config_sha256
    orchestrator.until(lambda: any(b["config_sha256"] == wanted for b in orchestrator.seen["heartbeats"].values()))
    assert agent.ask("status")["running_config_sha256"] == wanted

    orchestrator.give(
        {"id": 1, "method": "version", "params": {}}, {"id": 2, "method": "apply-config", "params": {"config": {}}}
    )
    orchestrator.until(lambda: {1, 2} <= set(orchestrator.results()))
    assert orchestrator.results()[1]["result"]["version"] == "1.2.3"
    assert orchestrator.results()[2]["error"]["code"] == "not-allowed"
    events = {entry["event"] for entry in orchestrator.seen["logs"].values()}
    assert {"certificate-renewed", "configuration-applied"} <= events

    agent.until(lambda: agent.ask("status")["orchestrator"]["state"] == "connected")
    status = agent.ask("status")["orchestrator"]
    assert status["url"] == orchestrator.url and status["attempts"] == 0 and status["problem"] is None
    if os.path.exists("/proc/self/status"):
        text = Path(f"/proc/{process.pid}/status").read_text()
        [resident] = [int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:")]
        print("peak resident KiB:", resident)
        assert resident < 40 * 1024

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert max(orchestrator.seen["heartbeats"].items())[1]["status"] == "stopping"
    assert agent.ask("status")["orchestrator"]["state"] == "stopped"
    secret = orchestrator.token.split(".")[1].encode()
    for path in Path(agent.prefix).rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path


@pytest.mark.parametrize("agent_python", ["3.6", "3.9", "3.13", "system"], indirect=True)
def test_who_is_not_the_pinned_server_never_sees_the_token(agent, serve, fleet_ca, foreign_ca, orchestrator):
    secret = orchestrator.token.split(".")[1].encode()
    stranger = serve(foreign_ca)
    relaying = serve(foreign_ca, ca_pem=fleet_ca.root_pem)
    misnamed = serve(fleet_ca, names=["another.example.com"])
    for server, code in ((stranger, "wrong-pin"), (relaying, "tls-untrusted"), (misnamed, "tls-name")):
        done = _enrol(agent, server, "--format", "json", token=orchestrator.token)
        assert done.returncode == 1, done.stdout
        error = json.loads(done.stdout)["error"]
        assert error["code"] == code and server.url in error["message"]
        assert secret not in server.received
        assert server.paths() == ["GET /ca.pem"]
    assert not os.path.exists(agent.layout.key)


@pytest.mark.parametrize("agent_python", ["3.6", "3.13"], indirect=True)
def test_through_the_tunnels_socket(agent, serve, fleet_ca, orchestrator):
    assert _enrol(agent, orchestrator).returncode == 0
    config = {k: v for k, v in orchestrator.config.items() if k != "orchestrator_url"}
    agent.ask("apply-config", config=config, revision=9)
    agent.run()
    assert agent.ask("status")["orchestrator"]["state"] == "off"
    tunnel = serve(fleet_ca, path=agent.layout.tunnel_socket)
    tunnel.config = config
    tunnel.until(lambda: tunnel.seen["heartbeats"])  # noticed at the next heartbeat
    assert tunnel.requests[0]["headers"]["Host"].startswith(TUNNEL_NAME)
    assert agent.ask("status")["orchestrator"]["url"] == "unix:" + agent.layout.tunnel_socket
    tunnel.stop()
    agent.until(lambda: agent.ask("status")["orchestrator"]["state"] == "off")
    beats = len(agent.heartbeats())
    agent.until(lambda: len(agent.heartbeats()) > beats)
    assert agent.heartbeats()[-1]["status"] == "healthy"


def test_a_container_enrols_at_its_first_start(agent, orchestrator, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(orchestrator.token + "\n")
    environment = {
        "PATH": os.environ["PATH"],
        "STELLA_ORCHESTRATOR_URL": orchestrator.url,
        "STELLA_BOOTSTRAP_TOKEN_FILE": str(secret),
    }
    process = agent.run(env=environment)
    orchestrator.until(lambda: orchestrator.seen["heartbeats"])
    process.terminate()
    assert process.wait(timeout=20) == 0
    before = orchestrator.paths().count("POST /v1/enroll")
    secret.unlink()  # it is not asked for again
    process = agent.run(env=environment)
    registered = len(orchestrator.seen["registered"])
    orchestrator.until(lambda: len(orchestrator.seen["registered"]) > registered - 1)
    assert orchestrator.paths().count("POST /v1/enroll") == before == 1
    assert orchestrator.token not in Path(agent.layout.logfile).read_text()
