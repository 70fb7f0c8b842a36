"""The agent itself, as packed, against the server: it enrols, registers, reports, obeys, and survives an outage."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading

import pytest


@pytest.fixture(scope="module")
def server(new_server):
    made = new_server().start()
    made.stop()
    # Now its port is known, and agents are told the right URL.
    return made.start("--url", f"https://localhost:{made.port}")


@pytest.fixture
def host(server, tmp_path):
    """A folder that an agent lives below, and its command."""
    for name in ("etc", "var", "run"):
        (tmp_path / name).mkdir()
    package = server.client().get(f"/packages/{server.fleet.package.version}/stella-agent.pyz").content
    (tmp_path / "stella-agent.pyz").write_bytes(package)

    def command(*args):
        return [sys.executable, str(tmp_path / "stella-agent.pyz"), *args, "--prefix", str(tmp_path)]

    return command


@pytest.fixture
def operator(server):
    return server.operator("ops", "operator")


def wait_for(look, what):
    pause = threading.Event()
    for _ in range(300):
        found = look()
        if found:
            return found
        pause.wait(0.1)
    pytest.fail(f"in vain: {what}")


def test_an_agents_life(server, host, operator):
    url = f"https://localhost:{server.port}"
    made = operator.post("/v1/bootstrap", json={"agent_name": "real1", "environment": "test"}).json()
    enrolled = subprocess.run(
        host("enrol", "--url", url, "--token-stdin", "--format", "json"),
        input=made["token"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert enrolled.returncode == 0, enrolled.stderr
    assert json.loads(enrolled.stdout)["agent_id"] == made["agent_id"]
    agent = f"/v1/agents/{made['agent_id']}"
    configuration = {"orchestrator_url": url, "heartbeat_interval": "1s", "reconnect_backoff": "100ms"}
    assert operator.put(f"{agent}/config", json={"config": configuration}).status_code == 200
    running = subprocess.Popen(host("run"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: operator.get(agent).json()["status"] == "healthy", "it registers and is healthy")
        wait_for(lambda: operator.get(f"{agent}/config").json()["applied"], "it takes the configuration")
        task = operator.post(f"{agent}/tasks", json={"method": "version"}).json()

        def response():
            found = operator.get(f"{agent}/tasks").json()["tasks"]
            return next(one["response"] for one in found if one["id"] == task["id"])

        assert wait_for(response, "it answers a task")["result"]["version"] == server.fleet.package.version
        newer = operator.put(f"{agent}/config", json={"config": {**configuration, "labels": {"a": "b"}}}).json()
        wait_for(lambda: operator.get(f"{agent}/config").json()["applied"], "it takes a configuration")
        assert operator.get(agent).json()["config_revision"] == newer["revision"]
        wait_for(lambda: operator.get(f"{agent}/logs").json()["logs"], "it sends its log")

        server.stop(signal.SIGKILL)
        before = server.fleet.registry.last_heartbeat_seq(made["agent_id"])
        spooled = before + 2

        def last():
            done = subprocess.run(host("status"), capture_output=True, text=True, check=False)
            return json.loads(done.stdout)["last_heartbeat"]["seq"]

        wait_for(lambda: last() > spooled, "it goes on without the server")
        server.start("--url", url)
        wait_for(lambda: server.fleet.registry.last_heartbeat_seq(made["agent_id"]) > spooled, "it sends what it kept")
        beats = server.client(headers=operator.headers).get(f"{agent}/heartbeats?limit=50").json()["heartbeats"]
        numbers = sorted(beat["seq"] for beat in beats)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "none is lost, none is double"
    finally:
        running.terminate()
        running.wait(timeout=30)
