"""The main journey on real hosts: Debian with systemd, OpenSSH, a login user with sudo."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stella_ops.lab import systemd_hosts
from stella_ops.lab.model import Lab

PLAY = ("play", "bootstrap.yml")
RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.M)


def recap(output: str) -> dict[str, tuple[int, int, int, int]]:
    """Host to (ok, changed, unreachable, failed)."""
    return {name: tuple(map(int, counts)) for name, *counts in RECAP.findall(output)}  # type: ignore[misc]


def on(lab: Lab, host: str, *command: str) -> str:
    """What a command prints on a host, as root and without SSH."""
    return systemd_hosts.docker(lab, "exec", host, *command).stdout


@pytest.fixture(scope="module")
def fleet(systemd_lab: Lab, make_fleet: Callable[[], Any]) -> Any:
    """A project whose agents are bootstrapped on the systemd hosts as root by sudo."""
    project = make_fleet()
    first = project.run(*PLAY, "-i", systemd_lab.inventory, "-b", expect=0, timeout=240)
    project.first_run = first.stdout
    return project


@pytest.fixture(scope="module")
def make_fleet(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    import os
    import subprocess
    import sys
    from types import SimpleNamespace

    def make() -> Any:
        root = tmp_path_factory.mktemp("fleet")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "STELLA_HOME": str(root / ".stella"),
            "LC_ALL": "C.UTF-8",
        }

        def run(*args: object, expect: int | None = None, timeout: float = 100, stdin: str = "") -> Any:
            command = [str(Path(sys.executable).with_name("stella-ops")), *map(str, args)]
            done = subprocess.run(
                command,
                cwd=root,
                env=environment,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
            if expect is not None:
                assert done.returncode == expect, f"{command}\n{done.stdout}\n{done.stderr}"
            return done

        return SimpleNamespace(run=run, root=root, state=root / ".stella")

    return make


def test_every_host_ends_with_a_running_service(fleet: Any, systemd_lab: Lab) -> None:
    assert {counts[2:] for counts in recap(fleet.first_run).values()} == {(0, 0)}
    for host in systemd_lab.hosts:
        assert on(systemd_lab, host.name, "systemctl", "is-active", "stella-agent").strip() == "active"
        assert on(systemd_lab, host.name, "systemctl", "is-enabled", "stella-agent").strip() == "enabled"
        pid = on(systemd_lab, host.name, "systemctl", "show", "-P", "MainPID", "stella-agent").strip()
        assert on(systemd_lab, host.name, "stat", "-c", "%U", f"/proc/{pid}").strip() == "stella-agent"


def test_the_key_stays_on_the_host_for_its_user_alone(fleet: Any, systemd_lab: Lab) -> None:
    for host in systemd_lab.hosts:
        key = "/var/lib/stella-agent/identity/agent.key"
        assert on(systemd_lab, host.name, "stat", "-c", "%a %U", key).strip() == "600 stella-agent"
        text = on(systemd_lab, host.name, "cat", key).strip().splitlines()[1].encode()
        assert not [path for path in fleet.root.rglob("*") if path.is_file() and text in path.read_bytes()]


def test_the_certificate_is_the_authoritys(fleet: Any, systemd_lab: Lab, tmp_path: Path) -> None:
    """Also on the host without openssl, whose proof was a signature by ssh-keygen."""
    from cryptography import x509

    root = x509.load_pem_x509_certificate(fleet.run("ca", "show", "--pem", expect=0).stdout.encode())
    for host in systemd_lab.hosts:
        pem = on(systemd_lab, host.name, "cat", "/var/lib/stella-agent/identity/agent.crt")
        leaf, issuing = x509.load_pem_x509_certificates(pem.encode())
        leaf.verify_directly_issued_by(issuing)
        issuing.verify_directly_issued_by(root)
        assert leaf.subject.rfc4514_string() == f"CN={host.name}"
        (tmp_path / "chain.pem").write_text(pem)
        (tmp_path / "key.pem").write_text(on(systemd_lab, host.name, "cat", "/var/lib/stella-agent/identity/agent.key"))
        # Raises where the key is not the certificate's.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")


def test_both_ways_of_proof_were_used(fleet: Any, systemd_lab: Lab) -> None:
    have = [host.name for host in systemd_lab.hosts if "openssl" in on(systemd_lab, host.name, "ls", "/usr/bin")]
    assert 0 < len(have) < len(systemd_lab.hosts)


def test_a_second_run_changes_nothing(fleet: Any, systemd_lab: Lab) -> None:
    show = ("systemctl", "show", "-P", "MainPID", "stella-agent")
    before = [on(systemd_lab, host.name, *show) for host in systemd_lab.hosts]
    again = fleet.run(*PLAY, "-i", systemd_lab.inventory, "-b", expect=0)
    assert {counts[1:] for counts in recap(again.stdout).values()} == {(0, 0, 0)}
    assert [on(systemd_lab, host.name, *show) for host in systemd_lab.hosts] == before


def test_sudo_with_a_password(fleet: Any, systemd_lab: Lab) -> None:
    login = ("-e", f"ansible_user={systemd_lab.settings['password_sudo_user']}")
    password = fleet.root / "sudo-password"
    password.write_text(systemd_lab.settings["sudo_password"] + "\n")
    everyone = ("run", "all", "-a", "id -un", "-i", systemd_lab.inventory, *login, "-b")
    good = fleet.run(*everyone, "--become-password-file", password, expect=0)
    assert good.stdout.count("root") == len(systemd_lab.hosts)
    password.write_text("not-the-password\n")
    bad = fleet.run(*everyone, "--become-password-file", password, expect=2)
    assert "password is wrong" in bad.stdout
    none = fleet.run(*everyone, expect=2)
    assert "-K" in none.stdout


def test_the_doctor_finds_them_healthy_with_and_without_root(fleet: Any, systemd_lab: Lab) -> None:
    for privilege in ([], ["-b"]):
        done = fleet.run("doctor", "all", "-i", systemd_lab.inventory, "--format", "json", *privilege)
        document = json.loads(done.stdout)
        sick = [r for report in document["reports"] for r in report["results"] if r["status"] != "healthy"]
        assert (done.returncode, sick, document["unreachable"]) == (0, [], [])
        assert {report["agent_name"] for report in document["reports"]} == {h.name for h in systemd_lab.hosts}


def test_the_fleet_lists_them(fleet: Any, systemd_lab: Lab) -> None:
    listed = json.loads(fleet.run("agent", "list", "--format", "json", expect=0).stdout)
    assert [agent["name"] for agent in listed] == [host.name for host in systemd_lab.hosts]
    for agent in listed:
        assert {"id", "environment", "host", "version", "certificate_expires_at"} <= agent.keys()
        assert agent["status"] == "healthy"
        datetime.fromisoformat(agent["last_heartbeat"])


def test_a_service_that_was_killed_comes_back(fleet: Any, systemd_lab: Lab) -> None:
    host = systemd_lab.hosts[0].name
    on(systemd_lab, host, "systemctl", "stop", "stella-agent")
    sick = fleet.run("doctor", host, "-i", systemd_lab.inventory)
    assert sick.returncode == 1, sick.stdout
    done = fleet.run(*PLAY, "-i", systemd_lab.inventory, "-b", "-l", host, expect=0)
    assert recap(done.stdout)[host][1] == 1
    assert fleet.run("doctor", host, "-i", systemd_lab.inventory).returncode == 0


def test_a_host_that_is_cut_off_stops_no_other(fleet: Any, systemd_lab: Lab) -> None:
    paused = systemd_lab.hosts[1].name
    systemd_hosts.docker(systemd_lab, "pause", paused)
    try:
        done = fleet.run(*PLAY, "-i", systemd_lab.inventory, "-b", "-T", "10", expect=4)
        doctor = fleet.run("doctor", "all", "-i", systemd_lab.inventory, "-T", "10", "--format", "json", expect=3)
    finally:
        systemd_hosts.docker(systemd_lab, "unpause", paused)
    counts = recap(done.stdout)
    assert counts[paused][2] == 1
    assert {counts[h.name][2:] for h in systemd_lab.hosts if h.name != paused} == {(0, 0)}
    assert [host["host"] for host in json.loads(doctor.stdout)["unreachable"]] == [paused]


def test_the_systemd_module(fleet: Any, systemd_lab: Lab) -> None:
    def service(arguments: str, *more: str) -> str:
        done = fleet.run("run", "lab1", "-m", "systemd", "-a", arguments, "-i", systemd_lab.inventory, "-b", *more)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout.split("=>")[0])

    assert "SUCCESS" in service("name=stella-agent state=started enabled=true")
    assert "CHANGED" in service("name=stella-agent state=restarted", "--check")
    assert "CHANGED" in service("name=stella-agent state=restarted")


def test_decommission_leaves_nothing(fleet: Any, systemd_lab: Lab) -> None:
    """Last, on one host: what was installed is gone, and a second time is no change."""
    host = systemd_lab.hosts[2].name
    arguments = ("play", "decommission.yml", "-i", systemd_lab.inventory, "-b", "-l", host)
    assert recap(fleet.run(*arguments, "--check", expect=0).stdout)[host][1] == 1
    assert on(systemd_lab, host, "systemctl", "is-active", "stella-agent").strip() == "active"
    assert recap(fleet.run(*arguments, expect=0).stdout)[host][1] == 1
    left = on(systemd_lab, host, "find", "/opt", "/etc", "/var", "/run", "-name", "*stella-agent*")
    assert left.strip() == ""
    assert "stella-agent" not in on(systemd_lab, host, "cat", "/etc/passwd")
    assert recap(fleet.run(*arguments, expect=0).stdout)[host][1] == 0
    names = [agent["name"] for agent in json.loads(fleet.run("agent", "list", "--format", "json").stdout)]
    assert host not in names
    back = fleet.run(*PLAY, "-i", systemd_lab.inventory, "-b", "-l", host, expect=0)
    assert recap(back.stdout)[host][3] == 0
