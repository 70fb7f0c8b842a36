"""Tunnels to agents that are systemd services, with a login user who is neither root nor the agent's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.lab import systemd_hosts
from stella_ops.lab.model import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.systemd]

SOCKET = "/run/stella-agent/tunnel/orchestrator.sock"
CONFIG = '{"stella_agent_config": {"orchestrator_url": "https://127.0.0.1:9", "heartbeat_interval": "1s"}}'


def on(lab: Lab, host: str, *command: str) -> str:
    """What a command prints on a host, as root and without SSH."""
    return systemd_hosts.docker(lab, "exec", host, *command).stdout.strip()


def test_a_service_of_systemds(
    systemd_lab: Lab, make_project: Callable[[], Any], start: Any, orchestrator: Any, patiently: Any
) -> None:
    project, inventory = make_project(), systemd_lab.inventory
    names = [host.name for host in systemd_lab.hosts]
    project.run("play", "bootstrap.yml", "-i", inventory, "-b", "-e", CONFIG, expect=0, timeout=240)
    server, url = orchestrator(project)

    def connected(name: str) -> bool:
        said = on(systemd_lab, name, "/bin/sh", "-c", "cat /var/lib/stella-agent/state/orchestrator.json || true")
        return '"connected"' in said

    refused = project.run("tunnel", names[0], "-i", inventory, "--orchestrator", url, expect=2)
    assert "the login user ops has no right to make the tunnel's folder in /run/stella-agent" in refused.stdout
    assert "become root (-b)" in refused.stdout

    assert not any(connected(name) for name in names)
    tunnel = start(project, "tunnel", "all", "-i", inventory, "-b", "--orchestrator", url, "--format", "json")
    tunnel.until(lambda: len(tunnel.events(state="up")) == len(names))
    patiently(lambda: all(connected(name) for name in names), "all to be connected", 60)
    for name in names:
        assert on(systemd_lab, name, "stat", "-c", "%a %U", SOCKET) == "600 stella-agent"
        assert on(systemd_lab, name, "stat", "-c", "%a %U", "/run/stella-agent/tunnel") == "755 ops"

    # A restart of the service leaves the socket alone.
    first, second = names[:2]
    inode = on(systemd_lab, first, "stat", "-c", "%i", SOCKET)
    on(systemd_lab, first, "systemctl", "restart", "stella-agent")
    assert on(systemd_lab, first, "stat", "-c", "%i", SOCKET) == inode
    # A stop removes the folder with it; the tunnel comes back by itself, and the agent to it.
    on(systemd_lab, second, "systemctl", "stop", "stella-agent")
    on(systemd_lab, second, "/bin/sh", "-c", "! test -e /run/stella-agent")
    on(systemd_lab, second, "systemctl", "start", "stella-agent")
    tunnel.until(lambda: any(event["host"] == second for event in tunnel.events(state="lost")))
    tunnel.until(lambda: len([e for e in tunnel.events(state="up") if e["host"] == second]) == 2)
    patiently(lambda: connected(first) and connected(second), "both to be connected again", 60)
    assert on(systemd_lab, second, "stat", "-c", "%a %U", SOCKET) == "600 stella-agent"

    assert tunnel.end() == 0
    for name in names:
        on(systemd_lab, name, "/bin/sh", "-c", "! test -e /run/stella-agent/tunnel")
        assert on(systemd_lab, name, "systemctl", "is-active", "stella-agent") == "active"
    assert server.process.poll() is None
