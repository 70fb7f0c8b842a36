"""Agents without any way to their orchestrator, which they reach through their own SSH connection all the same."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.lab import embedded
from stella_ops.lab.model import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.openssh]

# Port 9 (discard): nothing listens there.
NOWHERE = "https://127.0.0.1:9"
CONFIG = {"orchestrator_url": NOWHERE, "heartbeat_interval": "1s"}


def told(site: Any, name: str) -> int:
    """The number of the last heartbeat that the fleet has of an agent."""
    with site.database() as connection:
        row = connection.execute(
            "SELECT max(seq) FROM heartbeats JOIN agents ON agents.id = heartbeats.agent_id WHERE agents.name = ?",
            (name,),
        ).fetchone()
    return row[0] or 0


def test_agents_register_and_report_through_the_wall(
    make_site: Callable[..., Any], openssh_lab: Lab, start: Any, orchestrator: Any, patiently: Any
) -> None:
    site = make_site(openssh_lab, count=2)
    for host in site.hosts:
        host.variables["stella_agent_config"] = CONFIG
    site.write_inventory()
    site.bootstrap()
    server, url = orchestrator(site.project)
    assert site.acts("agent.register") == []

    tunnel = start(site.project, "tunnel", "all", "--orchestrator", url, "--format", "json")
    tunnel.until(lambda: len(tunnel.events(state="up")) == 2)
    patiently(lambda: set(site.acts("agent.register")) == {"lab1", "lab2"}, "both to register", 40)
    before = {host.name: told(site, host.name) for host in site.hosts}
    patiently(lambda: all(told(site, name) > seq for name, seq in before.items()), "heartbeats to arrive", 40)
    site.check_healthy()

    # A certificate that is taken back is good for nothing, through the tunnel as anywhere.
    decommission(site, "lab2")
    patiently(
        lambda: any("certificate-revoked" in line for line in server.lines + server.errors), "lab2 to be refused", 40
    )
    lab2, lab1 = told(site, "lab2"), told(site, "lab1")
    patiently(lambda: told(site, "lab1") > lab1 + 1, "lab1 to go on", 40)
    assert told(site, "lab2") == lab2

    assert tunnel.end() == 0
    summary = tunnel.events("summary")[-1]
    assert (summary["exit_code"], summary["hosts"], summary["failed"]) == (0, 2, 0)
    assert not any((host.prefix / "run/tunnel").exists() for host in site.hosts)
    carried = {event["host"]: event for event in tunnel.events(state="closed")}
    assert all(event["from_host"] > 1000 and event["to_host"] > 1000 for event in carried.values())

    # Without it they go on by themselves, and keep what they have to say.
    seq = told(site, "lab1")
    beat = site["lab1"].state("heartbeat")["seq"]
    patiently(lambda: site["lab1"].state("heartbeat")["seq"] > beat + 1, "heartbeats to be spooled", 20)
    again = start(site.project, "tunnel", "lab1", "--orchestrator", url, "--format", "json", "--until-idle", "60s")
    patiently(lambda: told(site, "lab1") > seq + 1, "what was spooled to arrive", 40)
    assert again.end(signal.SIGINT) == 0
    site.check_nothing_left()


def decommission(site: Any, name: str) -> None:
    """Take an agent's certificate back, as an operator does by the API."""
    from stella_ops.agents.fleet import Fleet
    from stella_ops.redaction import Redactor
    from stella_ops.settings import load_project

    project = load_project(site.project.folder, environ=site.project.environment)
    fleet = Fleet(project, redactor=Redactor(), environ=site.project.environment)
    try:
        fleet.registry.decommission(fleet.registry.get(name).id, actor="test")
    finally:
        fleet.store.close()


def test_what_an_operator_is_told(make_site: Callable[..., Any], openssh_lab: Lab, start: Any) -> None:
    site = make_site(openssh_lab, names=["lab1"])
    site.write_inventory(gone={"ansible_host": "127.0.99.1", "ansible_port": 1, "ansible_user": "nobody"})
    url = "https://127.0.0.1:1"

    foretold = site.project.run("tunnel", "lab1", "--orchestrator", url, "--check", expect=0)
    assert "lab1: a tunnel can be opened" in foretold.stdout
    assert not site.hosts[0].prefix.exists()

    done = site.project.run("tunnel", "all", "--orchestrator", url, "--duration", "2s", expect=4)
    assert "lab1: up, " in done.stdout
    assert re.search(r"gone: failed: .*refuses the connection", done.stdout)
    assert "2 hosts, 1 without a tunnel" in done.stdout
    assert "no orchestrator answers at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr

    # All have failed: there is nothing to wait for.
    alone = site.project.run("tunnel", "gone", "--orchestrator", url, expect=4)
    assert "1 host, 1 without a tunnel" in alone.stdout

    idle = site.project.run("tunnel", "lab1", "--orchestrator", url, "--until-idle", "1s", expect=0)
    assert "1 host, 0 without a tunnel" in idle.stdout

    wrong = site.project.run("tunnel", "lab1", "--orchestrator", "http://plain", expect=2)
    assert "is no orchestrator's URL" in wrong.stderr
    wrong = site.project.run("tunnel", "lab1", "--duration", "10", expect=2)
    assert "is no duration" in wrong.stderr


def test_embedded_hosts_have_tunnels_as_well(
    make_project: Callable[[], Any], start: Any, orchestrator: Any, patiently: Any
) -> None:
    """What a newcomer has who has neither sshd nor root. The lab's folder is short, as a socket's path must be."""
    folder = Path(tempfile.mkdtemp(prefix="st-"))
    embedded.up(folder, 1)
    inventory = folder / "inventory.yml"
    try:
        project = make_project()
        url = "https://127.0.0.1:1"
        done = project.run("tunnel", "lab1", "-i", inventory, "--orchestrator", url, "--check", expect=0)
        assert "a tunnel can be opened" in done.stdout
        server = socket.create_server(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        tunnel = start(
            project, "tunnel", "lab1", "-i", folder / "inventory.yml", "--orchestrator", url, "--format", "json"
        )
        up = tunnel.until(lambda: tunnel.events(state="up"))
        with socket.socket(socket.AF_UNIX) as agent:
            agent.connect(up[0]["socket"])
            server.accept()[0].close()  # the look whether anybody answers
            far, _ = server.accept()
            agent.sendall(b"through")
            agent.shutdown(socket.SHUT_WR)
            assert far.makefile("rb").read() == b"through"
            far.sendall(b"and back")
            far.close()
            assert agent.makefile("rb").read() == b"and back"
        assert tunnel.end() == 0
        assert not Path(up[0]["socket"]).exists()
        server.close()
    finally:
        embedded.down(folder, purge=True)
        shutil.rmtree(folder, ignore_errors=True)
