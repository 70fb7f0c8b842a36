"""Plays that bring their tunnels: up from before the first task until the end of the run."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.lab.model import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.openssh]

# Port 9 (discard): nothing listens there.
NOWHERE = "https://127.0.0.1:9"
CONFIG = {"orchestrator_url": NOWHERE, "heartbeat_interval": "1s"}


def test_a_play_brings_its_tunnels(
    make_site: Callable[..., Any], openssh_lab: Lab, start: Any, orchestrator: Any
) -> None:
    """From before the first task until the end of the run, in plays with any strategy."""
    site = make_site(openssh_lab, count=2)
    for host in site.hosts:
        host.variables["stella_agent_config"] = CONFIG
    site.write_inventory()
    site.bootstrap()
    _, url = orchestrator(site.project)
    wait = """
- hosts: all
  gather_facts: false
  strategy: {strategy}
  tasks:
    - name: The socket is there
      stat: path={{{{ stella_agent_prefix }}}}/run/tunnel/orchestrator.sock
      register: found
    - assert: {{that: [found.stat.exists, found.stat.issock]}}
    - name: The agent has found it
      command: grep -c '"connected"' {{{{ stella_agent_prefix }}}}/var/state/orchestrator.json
      register: said
      until: said is success
      retries: 20
      delay: 1
    - meta: reset_connection
    - name: It comes back with the connection
      command: /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])'
        {{{{ stella_agent_prefix }}}}/run/tunnel/orchestrator.sock
      register: back
      until: back is success
      retries: 20
      delay: 0.5
"""
    for strategy in ("linear", "pipelined"):
        path = site.project.write(f"{strategy}.yml", wait.format(strategy=strategy))
        events = site.play(path, "--tunnel", "--orchestrator", url)
        tasks = [event["task"] for event in events if event["event"] == "TaskStarted"]
        assert tasks[0] == "Opening Tunnels"
        assert tasks.count("Opening Tunnels") == 1
        assert events[-1]["exit_code"] == 0
        assert set(site.acts("agent.register")) == {"lab1", "lab2"}
        assert not any((host.prefix / "run/tunnel").exists() for host in site.hosts)
    # For one that is held already the host fails its first task: what it was to have is not there.
    other = start(site.project, "tunnel", "lab1", "--orchestrator", url, "--format", "json")
    other.until(lambda: other.events(state="up"))
    events = site.play("linear.yml", "--tunnel", "--orchestrator", url, expect=2)
    ended = {event["host"]: event for event in events if event["event"] == "HostFinished"}
    assert ended["lab1"]["task"] == "Opening Tunnels"
    assert "another tunnel holds" in ended["lab1"]["result"]["msg"]
    assert ended["lab2"]["task"] == "It comes back with the connection"
    assert other.end(signal.SIGINT) == 0


def test_a_play_that_is_ended(make_site: Callable[..., Any], openssh_lab: Lab, start: Any, orchestrator: Any) -> None:
    site = make_site(openssh_lab, names=["lab1"])
    _, url = orchestrator(site.project)
    site.project.write("long.yml", "[{hosts: all, gather_facts: false, tasks: [{pause: {seconds: 300}}]}]")
    play = start(site.project, "play", "long.yml", "--tunnel", "--orchestrator", url, "--output", "json")
    play.until(lambda: any('"TaskStarted"' in line and '"pause"' in line for line in play.lines))
    path = site.hosts[0].prefix / "run/tunnel/orchestrator.sock"
    assert path.is_socket()
    assert play.end() == 99
    assert not path.exists()
    wrong = site.project.run("play", "long.yml", "--orchestrator", url, expect=2)
    assert "add --tunnel" in wrong.stderr


def test_a_bootstrap_with_a_tunnel(make_site: Callable[..., Any], openssh_lab: Lab, orchestrator: Any) -> None:
    """There is no agent when the tunnel is opened; what is made for it is no hindrance to the install."""
    site = make_site(openssh_lab, names=["lab1"])
    site.hosts[0].variables["stella_agent_config"] = CONFIG
    site.write_inventory()
    _, url = orchestrator(site.project)
    site.bootstrap("--tunnel", "--orchestrator", url)
    site.check_healthy()
    assert not (site.hosts[0].prefix / "run/tunnel").exists()
