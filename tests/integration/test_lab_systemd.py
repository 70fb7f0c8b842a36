"""systemd hosts: Debian booted in containers, over OpenSSH."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from stella_ops.lab import systemd_hosts
from stella_ops.lab.model import Lab

pytestmark = pytest.mark.integration


def ssh(lab: Lab, host: str, command: str, *, user: str = "ops", stdin: str = "") -> subprocess.CompletedProcess[str]:
    line = ["ssh", "-F", str(lab.folder / "ssh_config"), "-o", "BatchMode=yes", "-l", user, host, command]
    return subprocess.run(line, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_three_systems_run_systemd_each_for_itself(systemd_lab: Lab) -> None:
    assert len({host.public_key for host in systemd_lab.hosts}) == 3
    seen = set()
    for host in systemd_lab.hosts:
        done = ssh(systemd_lab, host.name, "hostname; cat /etc/machine-id; systemctl is-system-running; id -un")
        name, machine, state, user = done.stdout.split()
        assert (name, state, user) == (host.name, "running", "ops"), done.stderr
        seen.add(machine)
    assert len(seen) == 3


def test_a_unit_stopped_on_one_host_runs_on_at_the_other(systemd_lab: Lab) -> None:
    """The hosts' control groups are apart: in a shared one, a stop would find the other's processes."""
    for host in ("lab1", "lab2"):
        done = ssh(systemd_lab, host, "sudo systemd-run --unit=probe sleep 300")
        assert done.returncode == 0, done.stderr
    assert ssh(systemd_lab, "lab1", "sudo systemctl stop probe").returncode == 0
    assert ssh(systemd_lab, "lab2", "systemctl is-active probe").stdout == "active\n"
    ssh(systemd_lab, "lab2", "sudo systemctl stop probe")


def test_one_user_s_sudo_asks_for_a_password_and_the_other_s_does_not(systemd_lab: Lab) -> None:
    assert ssh(systemd_lab, "lab1", "sudo -n id -u").stdout == "0\n"
    user, password = systemd_lab.settings["password_sudo_user"], systemd_lab.settings["sudo_password"]
    assert "password is required" in ssh(systemd_lab, "lab1", "sudo -n id -u", user=user).stderr
    done = ssh(systemd_lab, "lab1", "sudo -S -p '' id -u", user=user, stdin=f"{password}\n")
    assert done.stdout == "0\n"
    assert ssh(systemd_lab, "lab1", "sudo -S -p '' id -u", user=user, stdin="wrong\n").returncode != 0


def test_the_last_host_has_no_openssl(systemd_lab: Lab) -> None:
    found = [ssh(systemd_lab, host.name, "command -v openssl").returncode == 0 for host in systemd_lab.hosts]
    assert found == [True, True, False]


def test_hosts_survive_up_again_pause_and_a_reboot(systemd_lab: Lab, docker_engine: Any, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    try:
        lab = systemd_hosts.up(folder, names=["one"], engine_folder=docker_engine.folder)
        assert ssh(lab, "one", "touch mark").returncode == 0
        systemd_hosts.docker(lab, "pause", "one")
        assert systemd_hosts.status(folder) == {"one": False}
        assert systemd_hosts.up(folder, names=["one"], engine_folder=docker_engine.folder) == lab
        systemd_hosts.docker(lab, "kill", "one")
        systemd_hosts.docker(lab, "start", "one")
        assert systemd_hosts.wait_booted(lab, "one") == "running"
        done = ssh(lab, "one", "ls; systemctl is-system-running")
        assert done.stdout == "mark\nrunning\n", done.stderr
        systemd_hosts.docker(lab, "restart", "one")
        assert systemd_hosts.wait_booted(lab, "one") == "running"
        assert ssh(lab, "one", "ls").stdout == "mark\n"
    finally:
        said = systemd_hosts.down(folder, purge=True)
    assert said[0] == "removed 1 containers"
    assert systemd_hosts.status(folder) == {}
