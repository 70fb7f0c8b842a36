"""The modules for users, services, cron, mounts and the like, on real systemd hosts of three Debian releases.

Each playbook in ``system_modules/`` asserts, step by step, what a module returns and what then is on the host. All
but the one for ansible.posix pass under ansible-core as they are. A playbook runs on all hosts at once, as the user
who may become root by sudo, then as root.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stella_ops.lab import systemd_hosts
from stella_ops.lab.model import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.systemd]

PLAYBOOKS = Path(__file__).parent / "system_modules"
LOGINS = {"sudo": [], "root": ["-e", "ansible_user=root", "-e", "ansible_become=false"]}

by_sudo_and_as_root = pytest.mark.parametrize("login", LOGINS)


def play(make_project: Callable[[], Any], lab: Lab, name: str, login: str) -> Any:
    project = make_project()
    playbook = str(PLAYBOOKS / f"{name}.yml")
    done = project.run(
        *("play", playbook, "-i", lab.inventory, "-e", "by_stella=true", *LOGINS[login]), expect=0, timeout=120
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


@by_sudo_and_as_root
def test_users_and_groups(login: str, generations: Lab, make_project: Callable[[], Any]) -> None:
    done = play(make_project, generations, "accounts", login)
    # The hashes, and the passphrase of the key, are shown nowhere.
    assert "abcdefgh" not in done.stdout + done.stderr
    assert "open sesame" not in done.stdout + done.stderr


def test_services(generations: Lab, make_project: Callable[[], Any]) -> None:
    play(make_project, generations, "services", "sudo")


@by_sudo_and_as_root
def test_mounts_parameters_and_keys(login: str, generations: Lab, make_project: Callable[[], Any]) -> None:
    play(make_project, generations, "posix", login)


@by_sudo_and_as_root
def test_crontabs_names_and_known_hosts(login: str, generations: Lab, make_project: Callable[[], Any]) -> None:
    play(make_project, generations, "tables", login)


def test_what_needs_privileges_and_what_does_not(generations: Lab, make_project: Callable[[], Any]) -> None:
    """One system is three hosts of the inventory: as root, by sudo, and without privilege."""
    logins: dict[str, dict[str, Any]] = {"root": {"ansible_user": "root"}, "sudo": {"ansible_become": True}, "none": {}}
    hosts = {
        f"{host.name}-{login}": {**host.inventory_vars(), **more}
        for host in generations.hosts
        for login, more in logins.items()
    }
    project = make_project()
    inventory = project.write("hosts.yml", yaml.safe_dump({"all": {"hosts": hosts}}))
    done = project.run("play", PLAYBOOKS / "privileges.yml", "-i", inventory, expect=0, timeout=400)
    assert "Traceback" not in done.stdout + done.stderr


def test_a_reboot(generations: Lab, make_project: Callable[[], Any]) -> None:
    # Docker starts the container again when its systemd has ended, as firmware would a machine.
    for host in generations.hosts:
        systemd_hosts.docker(generations, "update", host.name, "--restart", "always")
    try:
        play(make_project, generations, "reboot", "sudo")
    finally:
        for host in generations.hosts:
            systemd_hosts.docker(generations, "update", host.name, "--restart", "no")
