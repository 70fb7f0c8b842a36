"""A bootstrap that fails half-way on real hosts: users, units and services are as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stella_ops.lab import systemd_hosts
from stella_ops.lab.model import Lab

pytestmark = pytest.mark.e2e

# A Python that runs everything but the agent for good.
BROKEN = 'for word; do case $word in run) echo "this Python is broken" >&2; exit 7;; esac; done'
PYTHON = "/usr/local/bin/broken-python"
# Paths, owners, modes and contents; users; what systemd knows. The agent writes to what is left out.
LOOK = r"""
find /opt /etc /var/lib/stella-agent /var/log/stella-agent /run/stella-agent \
    -path /var/lib/stella-agent/spool -prune -o -path /var/lib/stella-agent/state -prune \
    -o -path '/var/log/stella-agent/*' -prune -o -path '/run/stella-agent/*' -prune \
    -o -name '*-' -prune -o -printf '%p %y %U:%G %m %l\n' 2>/dev/null | sort
find /opt/stella-agent /etc/stella-agent /var/lib/stella-agent/identity /etc/systemd/system -type f \
    -exec sha256sum {} + 2>/dev/null | sort -k 2
getent passwd; getent group; getent shadow | cut -d: -f1
systemctl is-enabled stella-agent 2>&1; systemctl is-active stella-agent; systemctl is-failed stella-agent
systemctl show -P NeedDaemonReload -P LoadState stella-agent
"""


def on(lab: Lab, host: str, *command: str) -> str:
    """What a command prints on a host, as root and without SSH."""
    return systemd_hosts.docker(lab, "exec", host, *command).stdout


def look(lab: Lab, host: str) -> str:
    return on(lab, host, "sh", "-c", LOOK + "true")


@pytest.fixture(scope="module")
def journey(systemd_lab: Lab, make_project: Any) -> Any:
    """A project, and a broken Python on the hosts."""
    project = make_project()
    script = f'#!/bin/sh\n{BROKEN}\nexec /usr/bin/python3 "$@"\n'
    for host in systemd_lab.hosts:
        on(systemd_lab, host.name, "sh", "-c", f"cat > {PYTHON} <<'E'\n{script}E\nchmod 755 {PYTHON}")
    return project


def bootstrap(project: Any, lab: Lab, *options: object, expect: int) -> list[dict[str, Any]]:
    words = ("play", "bootstrap.yml", "-i", lab.inventory, "-b", "--output", "json", *options)
    done = project.run(*words, expect=expect, timeout=240)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_undone(events: list[dict[str, Any]], lab: Lab, cause: str) -> None:
    ended = {
        e["host"]: e for e in events if e["event"] == "HostFinished" and e["task"] == "Leave the host as it was before"
    }
    assert set(ended) == {host.name for host in lab.hosts}
    for event in ended.values():
        assert cause in event["result"]["msg"], event
        assert event["result"]["msg"].endswith("(the host is as it was before)"), event


def valid_certificates(project: Any) -> list[str]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(Path(project.state) / "fleet.db", timeout=10)) as connection:
        return [row[0] for row in connection.execute("SELECT serial FROM certificates WHERE revoked_at IS NULL")]


def test_from_a_first_install_that_fails_to_an_upgrade_that_fails(journey: Any, systemd_lab: Lab) -> None:
    lab = systemd_lab
    names = [host.name for host in lab.hosts]
    bare = {name: look(lab, name) for name in names}
    assert all("/opt/stella-agent" not in text and "stella-agent:" not in text for text in bare.values())

    events = bootstrap(journey, lab, "-e", f"stella_agent_python={PYTHON}", expect=2)
    check_undone(events, lab, "systemctl start")
    assert {name: look(lab, name) for name in names} == bare
    assert valid_certificates(journey) == []

    bootstrap(journey, lab, expect=0)
    well = {name: look(lab, name) for name in names}
    certificates = valid_certificates(journey)
    assert all("\nactive\n" in text and "\nenabled\n" in text for text in well.values())

    # The unit and the installation's mark change, and with them the service does not come up again.
    events = bootstrap(journey, lab, "--reissue", "-e", f"stella_agent_python={PYTHON}", expect=2)
    check_undone(events, lab, "systemctl restart")
    assert {name: look(lab, name) for name in names} == well
    assert valid_certificates(journey) == certificates

    # They live by what is there, and nothing is left to do.
    again = bootstrap(journey, lab, expect=0)
    assert {tally["changed"] for tally in again[-1]["hosts"].values()} == {0}

    # Stopped and disabled by somebody: so it stays.
    for name in names:
        on(lab, name, "systemctl", "disable", "--now", "stella-agent")
    stopped = {name: look(lab, name) for name in names}
    bootstrap(journey, lab, "-e", json.dumps({"stella_agent_config": {"heartbeat": "7s"}}), expect=2)
    assert {name: look(lab, name) for name in names} == stopped

    # A new key for all, made by both tools.
    events = bootstrap(journey, lab, "--reissue", expect=0)
    assert len(valid_certificates(journey)) == len(names)
    assert not set(valid_certificates(journey)) & set(certificates)
    for name in names:
        listed = on(lab, name, "ls", "/var/lib/stella-agent/identity").split()
        assert listed == ["agent.crt", "agent.key", "agent.pub", "ca.crt"]
        key = "/var/lib/stella-agent/identity/agent.key"
        assert on(lab, name, "stat", "-c", "%a %U", key).strip() == "600 stella-agent"
