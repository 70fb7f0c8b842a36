import os
import signal
from pathlib import Path

import pytest

from stella_ops.remote.lib import pidfile


@pytest.fixture
def installed(host, package):
    assert host.install(package)["failed"] is False
    yield host
    host.module("agent_service", state="stopped")


def test_started_restarted_and_stopped(installed):
    def ok(check=False, **args):
        return installed.ok("agent_service", check=check, **args)

    assert ok(check=True, state="started", wait=5)["changed"] is True
    assert pidfile.holder(installed.layout.pidfile) is None

    first = ok(state="started", wait=20)
    assert (first["changed"], first["manager"], first["actions"]) == (True, "process", ["start"])
    assert first["running"] is True
    assert first["heartbeat"]["seq"] == 1  # it was waited for
    assert pidfile.holder(installed.layout.pidfile) == first["pid"]
    again = ok(state="started", wait=20)
    assert (again["changed"], again["pid"], again["heartbeat"]["seq"]) == (False, first["pid"], 1)
    assert ok(check=True, state="stopped")["changed"] is True
    assert pidfile.holder(installed.layout.pidfile) == first["pid"]

    second = ok(state="restarted", wait=20)
    assert (second["changed"], second["actions"]) == (True, ["stop", "start"])
    assert second["pid"] != first["pid"]
    assert second["heartbeat"]["seq"] == 3  # 2 was the stopping one

    stopped = ok(state="stopped")
    assert (stopped["changed"], stopped["running"], stopped["pid"]) == (True, False, None)
    with pytest.raises(ProcessLookupError):
        os.kill(second["pid"], 0)
    assert ok(state="stopped")["changed"] is False


def test_an_agent_that_lost_its_supervisor_gets_one_again(installed):
    installed.ok("agent_service", state="started")
    supervisor = pidfile.holder(installed.layout.supervisor_pidfile)
    os.kill(supervisor, signal.SIGKILL)
    installed.until(lambda: pidfile.holder(installed.layout.supervisor_pidfile) is None)
    again = installed.ok("agent_service", state="started", wait=20)
    assert again["changed"] is True
    assert pidfile.holder(installed.layout.supervisor_pidfile) not in (None, 0, supervisor)


def test_the_log_tells_why_there_is_no_heartbeat(installed):
    Path(installed.layout.spool).rmdir()
    Path(installed.layout.spool).write_text("a file, where a folder is needed")
    result = installed.module("agent_service", state="started", wait=0.5)
    assert result["failed"] is True
    assert "it runs but gave no heartbeat within 0.5 seconds" in result["msg"]
    assert "heartbeat-not-written" in result["msg"]
    assert result["hint"] == f"see {installed.layout.logfile}"
    Path(installed.layout.spool).unlink()


def test_a_start_that_fails_tells_why(installed):
    os.mkdir(installed.layout.pidfile + ".lock")
    result = installed.module("agent_service", state="started", wait=5)
    assert result["failed"] is True
    assert "Is a directory" in result["msg"]


def test_at_boot_nothing_starts_it_without_systemd(installed):
    result = installed.ok("agent_service", enabled=True)
    assert "boots" in result["warnings"][0]


def test_without_an_agent(host):
    assert "no agent is installed" in host.module("agent_service", state="started")["msg"]
    assert host.ok("agent_service", state="stopped")["changed"] is False


def test_nothing_wanted(installed):
    assert "state or enabled" in installed.module("agent_service")["msg"]
