"""install.sh as root on systemd hosts, enrolled with a real ``stella-ops serve``."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import selectors
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from stella_ops.lab import systemd_hosts
from stella_ops.lab.model import Lab

pytestmark = pytest.mark.integration

# All but what any system writes as it runs; useradd keeps a copy of the account files before its change.
_FIND = (
    r"find / -xdev \( -path /var/log -o -path /var/lib/systemd -o -path /var/tmp -o -path '/etc/*-' -o -path /home \)"
    r" -prune -o -printf '%y %m %U:%G %p %l\n'; ls -d /run/stella* /tmp/stella* /var/log/stella* 2>/dev/null;"
    r" grep stella /etc/passwd /etc/group; systemctl list-unit-files 'stella*' --no-legend; true"
)
_OF_THE_AGENT = (
    "find /opt/stella-agent /etc/stella-agent /var/lib/stella-agent /run/stella-agent /var/log/stella-agent"
    r" /etc/systemd/system/stella-agent.service -printf '%y %m %u:%g %p %l\n'"
    r" | grep -v '/spool/.\|/state/.\|/queue/.\|/log/'"
)


@dataclass
class Served:
    """A project whose orchestrator runs at an address that the lab's hosts reach."""

    project: Any
    lab: Lab
    url: str

    def script(self, host: str) -> str:
        asked = ("agent", "bootstrap", "--name", host, "--env", "production", "--format", "json")
        script: str = json.loads(self.project.run(*asked, expect=0).stdout)["install_script"]
        return script

    def on(self, host: str, command: str, stdin: str = "", expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command as root, by SSH and sudo."""
        config = str(self.lab.folder / "ssh_config")
        words = ["ssh", "-F", config, "-o", "BatchMode=yes", "-l", "ops", host, f"sudo sh -c {shlex.quote(command)}"]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=120, check=False)
        assert expect is None or done.returncode == expect, f"{done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def install(self, host: str, *args: str, script: str | None = None) -> str:
        """The script as root's standard input, as the one line has it."""
        return self.on(host, " ".join(["sh -s --", *args]), stdin=script or self.script(host)).stderr

    def agents(self) -> dict[str, Any]:
        listed = json.loads(self.project.run("agent", "list", "--all", "--format", "json", expect=0).stdout)
        return {agent["name"]: agent for agent in listed}


@pytest.fixture(scope="module")
def served(systemd_lab: Lab, make_project: Any) -> Iterator[Served]:
    project = make_project()
    gateway = systemd_hosts.docker(systemd_lab, "exec", "lab1", "ip", "-json", "route", "show", "default").stdout
    address = json.loads(gateway)[0]["gateway"]
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
            assert selector.select(60), (project.folder / "serve.log").read_text()
        assert "ready" in server.stdout.readline(), (project.folder / "serve.log").read_text()
        yield Served(project, systemd_lab, url)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def test_the_unit_runs_and_uninstalling_leaves_nothing(served: Served) -> None:
    before = served.on("lab1", _FIND).stdout
    said = served.install("lab1")
    assert "runs" in said
    shown = served.on("lab1", "systemctl show -p ActiveState,UnitFileState,User stella-agent").stdout.split()
    assert sorted(shown) == ["ActiveState=active", "UnitFileState=enabled", "User=stella-agent"]
    status = json.loads(served.on("lab1", "python3 -I /opt/stella-agent/current/stella-agent.pyz status").stdout)
    assert status["running"] and status["name"] == "lab1" and status["last_heartbeat"]["status"] == "healthy"
    assert status["agent_id"] == served.agents()["lab1"]["id"]

    # Run again it needs no token, changes nothing and restarts nothing.
    again = served.install("lab1", script=served.project.run("agent", "install-script", expect=0).stdout)
    assert "enrolled already" not in again
    now = json.loads(served.on("lab1", "python3 -I /opt/stella-agent/current/stella-agent.pyz status").stdout)
    assert now["pid"] == status["pid"]

    served.install("lab1", "--uninstall")
    assert served.on("lab1", _FIND).stdout.splitlines() == before.splitlines()


def test_without_openssl_ssh_keygen_does_both(served: Served) -> None:
    served.install("lab3")
    assert served.on("lab3", "systemctl is-active stella-agent").stdout == "active\n"
    served.install("lab3", "--uninstall")


def test_a_push_and_a_script_come_to_the_same(served: Served) -> None:
    served.install("lab1")
    limit = ("-i", str(served.lab.inventory), "-b", "-l", "lab2")
    served.project.run("play", "bootstrap.yml", *limit, "-e", "stella_environment=production", expect=0)
    by_script, by_push = (served.on(host, _OF_THE_AGENT).stdout for host in ("lab1", "lab2"))
    assert sorted(by_script.splitlines()) == sorted(by_push.splitlines())
    same = "cat /etc/systemd/system/stella-agent.service /opt/stella-agent/.stella-agent; getent passwd stella-agent"
    assert served.on("lab1", same).stdout == served.on("lab2", same).stdout

    # Each goes on with what the other has installed.
    generic = served.project.run("agent", "install-script", expect=0).stdout
    pid = "systemctl show -p MainPID stella-agent"
    running = {host: served.on(host, pid).stdout for host in ("lab1", "lab2")}
    served.install("lab2", script=generic)
    assert served.on("lab2", pid).stdout == running["lab2"]
    served.install("lab2", "--uninstall", script=generic)
    assert "stella" not in served.on("lab2", "ls /opt /etc /var/lib; cat /etc/passwd").stdout
    served.install("lab1", "--uninstall", script=generic)


def test_a_failed_upgrade_puts_version_and_unit_back(served: Served) -> None:
    served.install("lab1")
    unit = served.on("lab1", "cat /etc/systemd/system/stella-agent.service").stdout
    script = served.project.run("agent", "install-script", "--embed-package", expect=0).stdout
    version = next(line for line in script.splitlines() if line.startswith("stella_version=")).partition("=")[2]
    # A package that answers and does not run, in a script that says another version and another unit.
    broken = _with_another_package(script, version)
    done = served.on("lab1", "sh -s -- --wait 3", stdin=broken, expect=7)
    assert f"Version {version} was put back and runs" in done.stderr, done.stderr
    assert served.on("lab1", "cat /etc/systemd/system/stella-agent.service").stdout == unit
    assert served.on("lab1", "readlink /opt/stella-agent/current").stdout == f"versions/{version}\n"
    assert served.on("lab1", "systemctl is-active stella-agent").stdout == "active\n"
    served.install("lab1", "--uninstall", script=script)


def _with_another_package(script: str, version: str) -> str:
    package = b"import sys\nif sys.argv[1] == 'version':\n    print('9.9.9')\nelse:\n    sys.exit('broken')\n"
    for name, value in (("version", "9.9.9"), ("sha256", hashlib.sha256(package).hexdigest()), ("size", len(package))):
        script = re.sub(rf"^stella_{name}=.*$", f"stella_{name}={value}", script, count=1, flags=re.M)
    embedded = base64.b64encode(package).decode()
    script = re.sub(
        r"(embedded\(\) \{\n    cat <<'STELLA_END'\n).*?(\nSTELLA_END\n)", rf"\g<1>{embedded}\2", script, flags=re.S
    )
    script = script.replace("\n    check_signature\n", "\n")
    return script.replace("Description=Stella agent\n", "Description=Another\n")
