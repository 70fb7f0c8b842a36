"""``stella-agent run`` as a real process, under each Python."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest


def _stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    return process.wait(timeout=20)


def test_gives_a_heartbeat_at_once_and_ends_cleanly(agent):
    process = agent.run()
    status = agent.read(agent.layout.status)
    assert (status["state"], status["pid"], status["version"]) == ("running", process.pid, "1.2.3")
    assert int(Path(agent.layout.pidfile).read_text()) == process.pid
    assert agent.read(agent.layout.heartbeat)["seq"] == 1
    assert _stop(process) == 0
    status = agent.read(agent.layout.status)
    assert status["state"] == "stopped"
    assert status["stopped_at"] >= status["started_at"]
    assert [beat["status"] for beat in agent.heartbeats()] == ["degraded", "stopping"]
    assert agent.read(agent.layout.heartbeat)["status"] == "stopping"
    assert not os.path.exists(agent.layout.pidfile)


def test_says_in_its_log_why_it_is_degraded(agent):
    _stop(agent.run(), signal.SIGINT)
    log = agent.log()
    assert [record["event"] for record in log] == ["started", "degraded", "stopping", "stopped"]
    assert all(record["ts"].endswith("Z") and len(record["ts"]) == 24 for record in log)
    assert "no configuration" in " ".join(log[1]["reasons"])
    assert "no certificate" in " ".join(log[1]["reasons"])


def test_takes_a_new_configuration_while_it_runs(agent):
    process = agent.run()
    applied = agent.ask("apply-config", config=agent.config(heartbeat_interval="1s"), revision=4)
    agent.until(lambda: agent.read(agent.layout.heartbeat)["config_sha256"] == applied["sha256"])
    beat = agent.read(agent.layout.heartbeat)
    assert (beat["agent_id"], beat["name"], beat["environment"]) == ("a-1", "web-01", "test")
    agent.until(lambda: agent.read(agent.layout.heartbeat)["seq"] >= beat["seq"] + 2, timeout=10)
    assert _stop(process) == 0
    assert agent.read(agent.layout.status)["config_sha256"] == applied["sha256"]


def test_keeps_the_configuration_in_force_when_the_file_is_broken(agent):
    applied = agent.ask("apply-config", config=agent.config(), revision=1)
    process = agent.run()
    Path(agent.layout.config).write_text('{"agent_id": ')
    process.send_signal(signal.SIGHUP)
    agent.until(lambda: agent.read(agent.layout.heartbeat)["seq"] == 2)
    beat = agent.read(agent.layout.heartbeat)
    assert (beat["agent_id"], beat["config_sha256"]) == ("a-1", applied["sha256"])
    assert beat["status"] == "degraded"
    assert any("not JSON" in reason for reason in beat["reasons"])
    assert _stop(process) == 0


def test_is_healthy_with_configuration_and_certificate(agent, authority):
    from cryptography import x509

    request = x509.load_pem_x509_csr(agent.csr()["csr"].encode())
    _, chain = authority.issue(request.public_key())
    process = agent.run()
    agent.ask("apply-config", config=agent.config(), revision=1)
    agent.ask("install-identity", chain=chain, ca=authority.ca)
    agent.until(lambda: agent.read(agent.layout.heartbeat)["status"] == "healthy")
    assert agent.read(agent.layout.heartbeat)["reasons"] == []
    assert _stop(process) == 0


def test_killed_in_the_middle_of_a_write_it_goes_on_with_the_next_number(agent):
    process = agent.run()
    process.kill()
    process.wait()
    with open(agent.layout.heartbeats, "ab") as spool:
        spool.write(b'{"seq": 2, "tim')
    assert agent.ask("status")["running"] is False
    process = agent.run()
    assert _stop(process) == 0
    assert [beat["seq"] for beat in agent.heartbeats()] == [1, 2, 3]


def test_numbers_go_on_when_the_spool_is_lost(agent):
    _stop(agent.run())
    os.unlink(agent.layout.heartbeats)
    _stop(agent.run())
    assert [beat["seq"] for beat in agent.heartbeats()] == [3, 4]


def test_a_spool_that_cannot_be_written_is_logged_and_does_not_end_it(agent):
    (agent.prefix / "var").mkdir(parents=True)
    (agent.prefix / "var" / "spool").write_text("a file, where a folder is needed")
    assert agent.command("supervise").returncode == 0
    assert "heartbeat-not-written" in [record["event"] for record in agent.log()]
    assert agent.ask("status")["running"] is True
    assert agent.command("stop").returncode == 0


def test_a_second_one_refuses_to_start(agent):
    first = agent.run()
    second = agent.command("run")
    assert second.returncode == 1
    assert f"already running as process {first.pid}" in second.stderr.decode()
    assert first.poll() is None
    assert int(Path(agent.layout.pidfile).read_text()) == first.pid


def test_tells_the_service_manager_that_it_is_ready_and_alive(agent, tmp_path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.settimeout(20)
    address = str(tmp_path / "notify")
    listener.bind(address)
    environment = {**os.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    with listener:
        process = agent.run(env=environment)
        assert listener.recv(4096).startswith(b"READY=1")
        assert [listener.recv(4096) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        process.terminate()
        while True:
            said = listener.recv(4096)
            if said != b"WATCHDOG=1":
                break
        assert said == b"STOPPING=1"
        assert process.wait(timeout=20) == 0


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux's /proc to see memory")
def test_needs_less_than_40_mib(agent):
    process = agent.run()
    text = Path(f"/proc/{process.pid}/status").read_text()
    [resident] = [int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:")]
    assert resident < 40 * 1024
    _stop(process)


def test_log_lines_also_go_to_standard_error(agent):
    import subprocess

    process = subprocess.Popen(
        [*agent.command_line, "run", "--prefix", str(agent.prefix)], stderr=subprocess.PIPE, text=True
    )
    agent.processes.append(process)
    assert json.loads(process.stderr.readline())["event"] == "started"
    process.terminate()
    assert json.loads(process.communicate(timeout=20)[1].splitlines()[-1])["event"] == "stopped"
