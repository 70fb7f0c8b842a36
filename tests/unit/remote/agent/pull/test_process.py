"""The real package as a process: strangers in between, the tunnel's socket, a container's first start."""

import json
import os
import signal
from pathlib import Path

import pytest

from stella_ops.remote.agent.endpoint import TUNNEL_NAME


def _enrol(agent, orchestrator, *more, token=None):
    given = (token or orchestrator.token).encode() + b"\n"
    return agent.command("enrol", "--url", orchestrator.url, "--token-stdin", *more, given=given)


@pytest.mark.parametrize("host_python", ["3.6", "3.9", "3.13", "system"], indirect=True)
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


@pytest.mark.parametrize("host_python", ["3.6", "3.13"], indirect=True)
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


@pytest.mark.parametrize("host_python", ["3.6", "system"], indirect=True)
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


@pytest.mark.parametrize("host_python", ["3.6", "system"], indirect=True)
def test_the_service_says_so_when_nobody_answers_and_sighup_makes_it_try_at_once(agent, orchestrator):
    orchestrator.configure(max_reconnect_attempts=1)
    assert _enrol(agent, orchestrator).returncode == 0
    process = agent.run()
    orchestrator.until(lambda: orchestrator.seen["heartbeats"])
    orchestrator.stop()
    agent.until(lambda: agent.read(agent.layout.heartbeat)["status"] == "degraded")
    beat = agent.read(agent.layout.heartbeat)
    assert beat["reasons"][0].startswith("the orchestrator has not answered since ")
    assert agent.ask("status")["orchestrator"]["state"] == "away"
    orchestrator.start()
    process.send_signal(signal.SIGHUP)
    agent.until(lambda: agent.read(agent.layout.heartbeat)["status"] == "healthy")
    orchestrator.until(lambda: beat["seq"] in orchestrator.seen["heartbeats"])
    orchestrator.until(lambda: "started" in {entry["event"] for entry in orchestrator.seen["logs"].values()})


@pytest.mark.parametrize("host_python", ["system"], indirect=True)
def test_without_an_orchestrator_neither_tls_nor_http_is_loaded(agent):
    if not os.path.exists("/proc/self/maps"):
        pytest.skip("needs Linux's /proc to see what is loaded")
    agent.ask("apply-config", config=agent.config(), revision=1)
    process = agent.run()
    assert "_ssl" not in Path(f"/proc/{process.pid}/maps").read_text()
    assert agent.ask("status")["orchestrator"]["state"] == "off"
