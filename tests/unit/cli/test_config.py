"""``stella-ops config`` and ``--version``, which scripts of ansible-config's and ansible's users read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nforks = 7\nroles_path = ./roles\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANSIBLE_CONFIG", raising=False)
    return tmp_path


def test_dump_of_what_is_set(stella: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_GATHERING", "explicit")
    shown = stella("config", "dump", "--only-changed").out.splitlines()
    assert f"CONFIG_FILE() = {project}/ansible.cfg" in shown
    assert f"DEFAULT_FORKS({project}/ansible.cfg) = 7" in shown
    assert f"DEFAULT_ROLES_PATH({project}/ansible.cfg) = ['{project}/roles']" in shown
    assert "DEFAULT_GATHERING(env: ANSIBLE_GATHERING) = explicit" in shown
    assert not [line for line in shown if "(default)" in line]
    assert "DEFAULT_BECOME(default) = False" in stella("config", "dump").out
    rows = json.loads(stella("config", "dump", "--only-changed", "--format", "json").out)
    assert {"name": "DEFAULT_FORKS", "origin": f"{project}/ansible.cfg", "value": 7} in rows


def test_another_file(stella: Callable[..., Any], project: Path) -> None:
    (project / "other.cfg").write_text("[defaults]\nforks = 9\n")
    assert "other.cfg) = 9" in stella("config", "dump", "-c", "other.cfg", "--only-changed").out
    assert stella("config", "dump", "-c", "none.cfg").status == 2


def test_view(stella: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stella("config", "view").out == (project / "ansible.cfg").read_text()
    (project / "empty").mkdir()
    monkeypatch.chdir(project / "empty")
    monkeypatch.setenv("HOME", str(project / "empty"))
    said = stella("config", "view")
    assert said.status == 1 and "no config file" in said.err


def test_init_and_list(stella: Callable[..., Any], project: Path) -> None:
    shown = stella("config", "init", "--disabled").out
    assert shown.startswith("[defaults]\n# (") and "\n;forks=50\n" in shown
    (project / "ansible.cfg").write_text(stella("config", "init", "--disabled").out)
    assert "DEFAULT_FORKS(" not in stella("config", "dump", "--only-changed").out
    told = yaml.safe_load(stella("config", "list").out)["DEFAULT_FORKS"]
    assert told["env"] == [{"name": "ANSIBLE_FORKS"}] and told["type"] == "integer"
    assert told["ini"] == [{"section": "defaults", "key": "forks"}]


def test_lookup_reads_the_file(stella: Callable[..., Any], project: Path) -> None:
    said = stella(
        "run", "localhost", "-m", "debug", "-a", "msg={{ lookup('config', 'DEFAULT_GATHERING', 'DEFAULT_ROLES_PATH') }}"
    )
    assert f"{project}/roles" in said.out


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("play", "ansible-playbook"),
        ("run", "ansible"),
        ("inventory", "ansible-inventory"),
        ("vault", "ansible-vault"),
        ("doc", "ansible-doc"),
        ("config", "ansible-config"),
    ],
)
def test_versions(stella: Callable[..., Any], project: Path, command: str, name: str) -> None:
    shown = stella(command, "--version").out.splitlines()
    assert shown[0].startswith(f"{name} [core 2.19.")
    assert shown[1] == f"  config file = {project}/ansible.cfg"
    assert any(line.startswith("  python version = 3") for line in shown)


def test_validate(stella: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = "All configurations seem valid!\n"
    said = stella("config", "validate")
    assert (said.status, said.out) == (0, fine)
    (project / "ansible.cfg").write_text("[defaults]\nfork = 7\n[nowhere]\na = 1\n")
    said = stella("config", "validate")
    assert said.status == 1 and said.err == (
        f"[ERROR]: Found unknown key 'fork' in section 'defaults' in '{project}/ansible.cfg.\n"
        f"[ERROR]: Found unknown section 'nowhere' in '{project}/ansible.cfg.\n"
    )
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANSIBLE_FORKS", "3")
    assert stella("config", "validate", "-f", "env").out == fine
    monkeypatch.setenv("ANSIBLE_FORK", "3")
    said = stella("config", "validate", "-f", "env")
    assert (said.status, said.err) == (1, "[ERROR]: Found unknown environment variable 'ANSIBLE_FORK'.\n")
