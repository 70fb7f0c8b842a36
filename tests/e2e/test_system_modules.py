"""The modules for users, services, cron, mounts and the like, on real systemd hosts.

Each playbook in ``system_modules/`` asserts, step by step, what a module returns and what then is on the host. All
but the one for ansible.posix pass under ansible-core as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.lab import systemd_hosts
from stella_ops.lab.model import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.systemd]

PLAYBOOKS = Path(__file__).parent / "system_modules"


def play(make_project: Callable[[], Any], lab: Lab, name: str, host: str) -> Any:
    project = make_project()
    playbook = str(PLAYBOOKS / f"{name}.yml")
    done = project.run(
        *("play", playbook, "-i", lab.inventory, "--limit", host, "-e", "by_stella=true"), expect=0, timeout=120
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_users_and_groups(systemd_lab: Lab, make_project: Callable[[], Any]) -> None:
    done = play(make_project, systemd_lab, "accounts", "lab1")
    # The hashes, and the passphrase of the key, are shown nowhere.
    assert "abcdefgh" not in done.stdout + done.stderr
    assert "open sesame" not in done.stdout + done.stderr


def test_services(systemd_lab: Lab, make_project: Callable[[], Any]) -> None:
    play(make_project, systemd_lab, "services", "lab2")


def test_mounts_parameters_and_keys(systemd_lab: Lab, make_project: Callable[[], Any]) -> None:
    play(make_project, systemd_lab, "posix", "lab3")


def test_crontabs_names_and_known_hosts(systemd_lab: Lab, make_project: Callable[[], Any]) -> None:
    install = "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends cron"
    try:
        systemd_hosts.docker(systemd_lab, "exec", "lab2", "/bin/sh", "-c", f"command -v crontab || {{ {install}; }}")
    except Exception as problem:
        pytest.skip(f"left out: cron cannot be installed on the host: {problem}")
    play(make_project, systemd_lab, "tables", "lab2")


def test_a_reboot(systemd_lab: Lab, make_project: Callable[[], Any]) -> None:
    # Docker starts the container again when its systemd has ended, as firmware would a machine.
    systemd_hosts.docker(systemd_lab, "update", "lab3", "--restart", "always")
    try:
        play(make_project, systemd_lab, "reboot", "lab3")
    finally:
        systemd_hosts.docker(systemd_lab, "update", "lab3", "--restart", "no")
