import os
import signal
import subprocess
import sys

import pytest


@pytest.fixture
def look(host, check):
    return lambda **args: check("heartbeat", prefix=host.prefix, **args)


def test_none_and_no_agent(look, runbooks):
    result = look()
    assert (result["status"], result["message"]) == ("critical", "No heartbeat found")
    assert result["remediation_hint"] == "Run 'stella agent bootstrap' to install and start the agent"
    assert result["runbook_url"] == runbooks + "agent-no-heartbeat"


def test_none_of_an_installed_agent(host, look):
    os.symlink("versions/1.0.0", host.layout.current)
    assert host.layout.logfile in look()["remediation_hint"]


def test_fresh(host, look):
    host.start()
    host.beat(age=5)
    result = look()
    assert result["status"] == "healthy"
    assert result["message"].startswith("Last heartbeat: ")
    assert result["data"]["pid"] == os.getpid()
    assert 4 <= result["data"]["age_seconds"] <= 30
    assert (result["data"]["agent_id"], result["data"]["agent_name"]) == ("a1b2c3", "web-01")


@pytest.mark.parametrize(
    ("age", "status", "message"),
    [
        (110, "healthy", "Last heartbeat: 110s ago"),
        (130, "warning", "Heartbeat is delayed (last heartbeat: 130s ago)"),
        (290, "warning", "Heartbeat is delayed (last heartbeat: 290s ago)"),
        (310, "critical", "Heartbeat is stale (last heartbeat: 5m ago)"),
        (3 * 3600, "critical", "Heartbeat is stale (last heartbeat: 3h ago)"),
        (5 * 86400, "critical", "Heartbeat is stale (last heartbeat: 5d ago)"),
    ],
)
def test_thresholds(host, look, age, status, message):
    host.start()
    host.write_json(host.layout.heartbeat, {"time": "2026-01-17T21:32:08Z"})
    moment = 1768685528  # the same in seconds
    result = look(now=moment + age)
    assert (result["status"], result["message"]) == (status, message)


def test_a_slow_agent_is_given_as_many_beats(host, look):
    host.start()
    host.configure(heartbeat_interval="10m")
    host.beat(age=30 * 60)
    assert look()["status"] == "healthy"
    host.beat(age=50 * 60)
    assert look()["status"] == "warning"
    host.beat(age=101 * 60)
    assert look()["status"] == "critical"


def test_process_gone(host, look, runbooks):
    host.start()
    host.stop()
    host.beat(age=5)
    result = look()
    assert result["status"] == "critical"
    assert result["message"].startswith("Agent process is not running (last heartbeat: ")
    assert result["runbook_url"] == runbooks + "agent-not-running"


def test_stopped_cleanly(host, look):
    host.beat(age=5, status="stopping")
    assert look()["message"].startswith("Agent process was stopped")


def test_a_killed_agent_is_not_running_though_its_pidfile_stays(host, look):
    holding = (
        "import sys, signal; from stella_ops.remote.lib.pidfile import PidFile;"
        "claim = PidFile(sys.argv[1]); claim.acquire(); print('held', flush=True); signal.pause()"
    )
    agent = subprocess.Popen([sys.executable, "-c", holding, host.layout.pidfile], stdout=subprocess.PIPE, text=True)
    try:
        assert agent.stdout.readline() == "held\n"
        host.beat()
        assert look()["data"]["pid"] == agent.pid
        assert look()["status"] == "healthy"
    finally:
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        agent.stdout.close()
    assert os.path.exists(host.layout.pidfile)
    assert look()["message"].startswith("Agent process is not running")


def test_degraded(host, look):
    host.start()
    host.beat(status="degraded", reasons=["no certificate is installed"])
    result = look()
    assert result["status"] == "warning"
    assert result["message"] == "Agent reports that it is degraded: no certificate is installed"


def test_from_the_future(host, look):
    host.start()
    host.beat(age=-600)
    result = look()
    assert result["status"] == "warning"
    assert "in the future" in result["message"]
    host.beat(age=-20)
    assert look()["status"] == "healthy"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"time": 5}', b'{"time": "today"}', b"\xff"])
def test_unreadable(host, look, content):
    host.start()
    host.write(host.layout.heartbeat, content)
    result = look()
    assert result["status"] == "critical"
    assert result["message"].startswith("Heartbeat cannot be read: ")


def test_not_allowed_to_look(open_host, check_as_nobody):
    open_host.beat()
    os.chmod(open_host.layout.heartbeat, 0o600)
    assert check_as_nobody("heartbeat", prefix=open_host.prefix)["status"] == "error"


def test_any_user_sees_that_it_runs(open_host, check_as_nobody):
    open_host.start()
    open_host.beat()
    result = check_as_nobody("heartbeat", prefix=open_host.prefix)
    assert result["status"] == "healthy", result


def test_every_python(host, any_python, check_under):
    host.start()
    host.beat()
    calls = [("heartbeat", {"prefix": host.prefix})]
    (result,) = check_under(any_python, calls)
    assert (result["status"], result["data"]["pid"]) == ("healthy", os.getpid())
