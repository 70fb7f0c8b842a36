"""Packages for real: Debian's from its own mirror, and RPM packages with dnf, which Debian has, too.

The host is as minimal as they come: no python3-apt, no gpg, no package lists.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stella_ops.lab import systemd_hosts
from stella_ops.lab.model import Lab

pytestmark = [pytest.mark.integration, pytest.mark.systemd]

MAKE_RPMS = Path(__file__).with_name("make_rpms.sh")


@pytest.fixture(scope="module")
def lab(docker_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One host, whose packages are nobody else's business."""
    from stella_ops.errors import LabError

    folder = tmp_path_factory.mktemp("packages")
    try:
        try:
            lab = systemd_hosts.up(folder / "lab", names=["pkg"], engine_folder=docker_engine.folder)
        except LabError as problem:
            pytest.skip(f"left out: no systemd host: {problem}")
        yield lab
    finally:
        systemd_hosts.down(folder / "lab", purge=True)


@pytest.fixture
def play(lab: Lab, make_project: Callable[[], Any]) -> Callable[..., str]:
    """Runs tasks as root on the host; what is printed."""
    project = make_project()

    def run(tasks: list[dict[str, Any]], **plays: Any) -> str:
        book = [{"hosts": "pkg", "gather_facts": False, "become": True, "tasks": tasks, **plays}]
        project.write("play.yml", yaml.safe_dump(book))
        done = project.run("play", "play.yml", "-i", lab.inventory, "-v", timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    return run


def on(lab: Lab, command: str) -> str:
    """What a shell command prints on the host."""
    return str(systemd_hosts.docker(lab, "exec", "pkg", "/bin/sh", "-c", command).stdout)


def expect(name: str, changed: bool, condition: str = "true", /, **args: Any) -> list[dict[str, Any]]:
    """A task, and the assertion of its ``changed`` and of a condition on its result ``r``."""
    told = [f"r.changed == {str(changed).lower()}", condition]
    return [{name: args, "register": "r"}, {"assert": {"that": told, "fail_msg": "{{ r | to_json }}"}}]


@pytest.fixture(scope="module")
def lists(lab: Lab, make_project: Callable[[], Any]) -> None:
    """Debian's package lists, fetched by the module; without a way to the mirror, nothing here can be tested."""
    try:
        on(lab, "apt-get update -q 2>&1 && rm -rf /var/lib/apt/lists/* && touch -d @1000 /var/lib/apt/lists")
    except Exception as problem:
        pytest.skip(f"left out: the host cannot reach Debian's mirror: {problem}")


def test_debian(lab: Lab, lists: None, play: Callable[..., str]) -> None:
    policy = "/usr/sbin/policy-rc.d"
    play(
        [
            *expect("apt", True, "r.cache_updated and r.cache_update_time > 1000", update_cache=True),
            *expect("apt", False, "not r.cache_updated", cache_valid_time=3600),
            {"apt": {"name": "cron", "state": "absent", "purge": True}},
            *expect("package", True, name="cron", policy_rc_d=101),
            *expect("apt", False, name="cron"),
            {"command": "systemctl is-active cron", "register": "r", "failed_when": "r.stdout != 'inactive'"},
            {"stat": {"path": policy}, "register": "r", "failed_when": "r.stat.exists"},
            *expect("apt", True, name=["cron"], state="absent", purge=True),
            *expect("package", True, name="cron"),
            {"command": "systemctl is-active cron", "register": "r", "failed_when": "r.stdout != 'active'"},
            {"package_facts": {"manager": "auto"}},
            {"assert": {"that": ["packages.cron[0].origin == 'Debian'", "'python3-apt' not in packages"]}},
            *expect("debconf", True, name="tzdata", question="tzdata/Areas", vtype="select", value="Asia"),
            *expect("debconf", False, name="tzdata", question="tzdata/Areas", vtype="select", value="Asia"),
            *expect("debconf", True, name="x", question="x/pw", vtype="password", value="hush hush"),
            *expect("debconf", False, name="x", question="x/pw", vtype="password", value="hush hush"),
            *expect("debconf", True, name="x", question="x/m", vtype="multiselect", value=["b", "a"]),
            *expect("debconf", False, name="x", question="x/m", vtype="multiselect", value=["a", "b"]),
            *expect("debconf", False, "r.current['x/m'] == 'b, a'", name="x"),
        ]
    )
    said = on(lab, "echo GET x/pw | debconf-communicate x")
    assert said == "0 hush hush\n"


@pytest.mark.timeout(60)
def test_without_root_the_way_to_it_is_told(lab: Lab, play: Callable[..., str]) -> None:
    said = play(
        [
            {"apt": {"update_cache": True}, "register": "r", "ignore_errors": True},
            {"assert": {"that": ["r.failed", "'become' in r.hint"]}},
            {"apt": {"name": "bash", "state": "absent", "force": True}, "register": "r", "ignore_errors": True},
            {"assert": {"that": ["r.failed", "'become' in r.hint"]}},
        ],
        become=False,
    )
    assert "Traceback" not in said


def test_rpm(lab: Lab, lists: None, play: Callable[..., str], tmp_path: Path) -> None:
    key = tmp_path / "key.gpg"
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    make = ["--passphrase", "", "--quick-gen-key", "k@example.org", "rsa2048", "sign", "never"]
    subprocess.run([*gpg, *make], check=True, capture_output=True)
    key.write_bytes(subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
    rpms = "/opt/repo/noarch"
    play(
        [
            *expect("apt", True, name=["dnf", "rpm", "createrepo-c"], install_recommends=False),
            {"copy": {"src": str(MAKE_RPMS), "dest": "/opt/make_rpms.sh"}},
            {"copy": {"src": str(key), "dest": "/opt/key.gpg"}},
            {"command": "sh -e /opt/make_rpms.sh"},
            {"dnf": {"name": "beta"}, "check_mode": True, "register": "r"},
            {
                "assert": {
                    "that": ["r.changed", "'Installed: gamma-3-1.noarch' in r.results"],
                    "fail_msg": "{{ r | to_json }}",
                }
            },
            *expect("dnf", True, "r.results | length == 3", name="beta"),
            *expect("dnf", False, "r.msg == 'Nothing to do'", name=["beta", "web-thing"]),
            *expect("dnf", True, name="alpha-1.0"),
            *expect("dnf", False, name="alpha"),
            *expect("dnf", True, name="alpha = 1.1"),
            *expect("dnf", False, name="alpha >= 1.0"),
            *expect("dnf", False, name="alpha-1.0"),
            *expect("dnf", True, "'Removed: alpha-1.1-1.noarch' in r.results", name="alpha", state="latest"),
            *expect("dnf", False, name="*", state="latest"),
            *expect("dnf", True, name="alpha-1.0", allow_downgrade=True),
            *expect("yum", True, name="*", state="latest", update_cache=True),
            *expect("yum", True, name="alph*", state="absent"),
            *expect("yum", False, name="alph*", state="absent"),
            *expect("dnf", True, "r.results == ['Removed: beta-1-1.noarch']", name="beta", state="absent"),
            *expect("dnf", True, "r.results | length == 2", autoremove=True),
            *expect("dnf", False, autoremove=True),
            {"dnf": {"name": f"{rpms}/alpha-1.1-1.noarch.rpm"}, "register": "r", "ignore_errors": True},
            {"assert": {"that": ["r.msg.endswith('Package alpha-1.1-1.noarch.rpm is not signed')"]}},
            *expect("dnf", True, name=f"{rpms}/alpha-1.1-1.noarch.rpm", disable_gpg_check=True),
            *expect("dnf", False, name=f"{rpms}/alpha-1.0-1.noarch.rpm", disable_gpg_check=True),
            {"dnf": {"name": "@nogroup"}, "register": "r", "ignore_errors": True},
            {"assert": {"that": ["r.msg == 'No group nogroup available.'"]}},
            *expect("dnf", False, "r.results[0].version == '2.0'", list="updates"),
            *expect("dnf", False, "r.results == [{'repoid': 'local', 'state': 'enabled'}]", list="repos"),
            *expect("dnf", True, name="gamma", download_only=True, download_dir="/opt/down"),
            {"stat": {"path": "/opt/down/gamma-3-1.noarch.rpm"}, "register": "r", "failed_when": "not r.stat.exists"},
            {"dnf": {"name": "nonesuch"}, "register": "r", "ignore_errors": True},
            {"assert": {"that": ["r.failed", "r.failures == ['No package nonesuch available.']"]}},
            {"package_facts": {"manager": "dnf"}},
            {"assert": {"that": ["packages.alpha[0].version == '1.1'", "packages.alpha[0].source == 'rpm'"]}},
            *expect("rpm_key", True, key="/opt/key.gpg"),
            *expect("rpm_key", False, key="file:///opt/key.gpg"),
            {"rpm_key": {"key": "/opt/key.gpg", "state": "absent"}, "check_mode": True},
            *expect("rpm_key", True, key="/opt/key.gpg", state="absent"),
            *expect("rpm_key", False, key="/opt/key.gpg", state="absent"),
        ]
    )
