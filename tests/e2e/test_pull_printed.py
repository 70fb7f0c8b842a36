"""The one-line commands of ``agent bootstrap``, run as printed: on a host with curl, and with a real Docker Engine."""

from __future__ import annotations

import json
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stella_ops.lab import systemd_hosts
from stella_ops.lab.model import Lab

pytestmark = pytest.mark.e2e


class Orchestrator:
    """A project whose ``stella-ops serve`` runs."""

    def __init__(self, project: Any, url: str) -> None:
        self.project = project
        self.url = url

    def bootstrap(self, name: str, *more: str) -> dict[str, Any]:
        asked = ("agent", "bootstrap", "--name", name, "--env", "production", "--format", "json", *more)
        made: dict[str, Any] = json.loads(self.project.run(*asked, expect=0).stdout)
        return made

    def agent(self, name: str) -> dict[str, Any]:
        listed = json.loads(self.project.run("agent", "list", "--all", "--format", "json", expect=0).stdout)
        return next(agent for agent in listed if agent["name"] == name)

    def await_agent(self, name: str, seconds: float = 60) -> dict[str, Any]:
        """The agent, once it has registered and reported a heartbeat."""
        pause = threading.Event()
        for _ in range(int(seconds / 0.5)):
            agent = self.agent(name)
            if agent["last_visit"] and agent["last_heartbeat"]:
                return agent
            pause.wait(0.5)
        raise AssertionError(f"{name} has not called: {self.agent(name)}\n{self.log()}")

    def log(self) -> str:
        return (self.project.folder / "serve.log").read_text()

    def audited(self) -> list[dict[str, Any]]:
        """Lines of the server's log that tell of a refusal."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{") and "refus" in line]


@contextmanager
def serving(project: Any, address: str) -> Iterator[Orchestrator]:
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    url = f"https://{address}:{port}"
    project.run("init", ".", expect=0)
    settings = (project.folder / "stella.toml").read_text()
    project.write("stella.toml", f'{settings}\n[orchestrator]\nurl = "{url}"\n')
    server = subprocess.Popen(
        [sys.executable, "-m", "stella_ops", "serve", "--listen", f"0.0.0.0:{port}"],
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(project.folder / "serve.log").open("w"),
        text=True,
    )
    try:
        assert server.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(server.stdout, selectors.EVENT_READ)
            assert selector.select(90), (project.folder / "serve.log").read_text()
        assert "ready" in server.stdout.readline(), (project.folder / "serve.log").read_text()
        yield Orchestrator(project, url)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def run_as_printed(lab: Lab, host: str, command: str) -> subprocess.CompletedProcess[str]:
    """Type a line into a shell of the login user ``ops``, who has sudo."""
    words = ["ssh", "-F", str(lab.folder / "ssh_config"), "-o", "BatchMode=yes", "-l", "ops", host]
    line = f"set -o pipefail; {command}"
    return subprocess.run(
        [*words, f"bash -c {shlex.quote(line)}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


@pytest.mark.systemd
@pytest.mark.timeout(480)
def test_the_line_for_linux(systemd_lab: Lab, make_project: Callable[[], Any]) -> None:
    route = systemd_hosts.docker(systemd_lab, "exec", "lab1", "ip", "-json", "route", "show", "default").stdout
    with serving(make_project(), json.loads(route)[0]["gateway"]) as orchestrator:
        made = orchestrator.bootstrap("lab1", "--label", "tier=web")
        line = made["install_command"]
        assert line.startswith("curl -sSL ") and line.endswith(f"| sudo bash -s -- --token {made['token']}")
        done = run_as_printed(systemd_lab, "lab1", line)
        assert done.returncode == 0, done.stdout + done.stderr
        agent = orchestrator.await_agent("lab1")
        assert agent["id"] == made["agent_id"] and agent["status"] == "healthy"
        assert agent["labels"] == {"tier": "web"} and agent["config_revision"] == 1
        secret = made["token"].split(".")[1]
        assert secret not in orchestrator.log()
        steps = [json.loads(each)["event"] for each in orchestrator.log().splitlines() if '"step"' in each]
        assert [step for step in steps if step in ("Exchange token", "Issue cert", "Register", "Confirm")][:4] == [
            "Exchange token",
            "Issue cert",
            "Register",
            "Confirm",
        ]

        # The same line elsewhere: the token is used up. Nothing is left behind that runs.
        again = run_as_printed(systemd_lab, "lab2", line)
        assert again.returncode != 0 and "refused" in again.stderr, again.stderr
        # For another name, revoked, too late.
        other = orchestrator.bootstrap("other")
        renamed = run_as_printed(systemd_lab, "lab2", f"{other['install_command']} --name somebody-else")
        assert renamed.returncode != 0 and "token" in renamed.stderr, renamed.stderr
        orchestrator.project.run("token", "revoke", other["token"].split(".")[0], expect=0)
        revoked = run_as_printed(systemd_lab, "lab2", other["install_command"])
        assert revoked.returncode != 0 and "refused" in revoked.stderr, revoked.stderr
        late = orchestrator.bootstrap("late", "--ttl", "1ms")
        expired = run_as_printed(systemd_lab, "lab2", late["install_command"])
        assert expired.returncode != 0 and "refused" in expired.stderr, expired.stderr
        # Why, the operator's trail alone tells; the host hears the same of all.
        for name in ("other", "late"):
            assert orchestrator.agent(name)["enrolled_at"] is None
        # A server with another key than the printed one is not spoken to.
        wrong = line.replace("sha256//", "sha256//AAAA", 1)
        assert run_as_printed(systemd_lab, "lab2", wrong).returncode != 0
        for host in ("lab1", "lab2"):
            gone = run_as_printed(systemd_lab, host, f"{line.partition('| sudo')[0]}| sudo bash -s -- --uninstall")
            assert gone.returncode == 0, gone.stderr
            assert (
                systemd_hosts.docker(systemd_lab, "exec", host, "sh", "-c", "ls -d /opt/stella-agent || true").stdout
                == ""
            )


@pytest.mark.timeout(480)
def test_the_line_for_docker(make_project: Callable[[], Any], agent_images: Any) -> None:
    images = agent_images
    gateway = images.docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    images.docker("load", "-i", str(images.good))
    images.docker("tag", "stella/agent:0.9.1", "stella/agent:latest")
    with serving(make_project(), gateway) as orchestrator:
        made = orchestrator.bootstrap("boxed", "--platform", "docker", "--capabilities", "docker,compose")
        words = shlex.split(made["install_command"])
        assert words[:5] == ["docker", "run", "-d", "--name", "stella-agent"]
        try:
            said = images.engine.docker(*words[1:], check=False)
            assert said.returncode == 0, said.stderr + images.docker("images")
            agent = orchestrator.await_agent("boxed")
            assert agent["id"] == made["agent_id"] and agent["status"] == "healthy"
            said = json.loads(images.docker("exec", "stella-agent", "/usr/local/bin/stella-agent", "status"))
            assert said["running"] and said["name"] == "boxed"
            assert made["token"].split(".")[1] not in orchestrator.log()
        finally:
            images.docker("rm", "-f", "-v", "stella-agent")
            images.docker("volume", "rm", "-f", "stella-agent-data")
