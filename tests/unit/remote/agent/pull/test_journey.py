"""The real package as a process, under each Python: from a token to a working agent and its end."""

import datetime
import json
import os
import signal
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes


def _enrol(agent, orchestrator, *more):
    given = orchestrator.token.encode() + b"\n"
    return agent.command("enrol", "--url", orchestrator.url, "--token-stdin", *more, given=given)


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
    orchestrator.until(lambda: any(b["status"] == "healthy" for b in orchestrator.seen["heartbeats"].values()))
    beat = max(orchestrator.seen["heartbeats"].items())[1]
    assert (beat["agent_id"], beat["name"]) == ("a-1", "web-01")

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
    logged = {"certificate-renewed", "configuration-applied", "task-done"}
    orchestrator.until(lambda: logged <= {entry["event"] for entry in orchestrator.seen["logs"].values()})

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
