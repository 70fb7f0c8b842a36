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


PLUGIN = """
DOCUMENTATION = '''
name: told
type: aggregate
short_description: Tell
description: It tells.
options:
  loud:
    {description: [How., Loud.], type: bool, default: no, env: [{name: TOLD_LOUD}], ini: [{section: told, key: loud}]}
  names:
    {description: Whose., type: list, default: [a, b], ini: [{section: told, key: names}], vars: [{name: told_names}]}
  must: {description: It has to be., required: true, env: [{name: ANSIBLE_TOLD_MUST}]}
'''
"""


@pytest.fixture
def plugins(program: Callable[..., Any], project: Path) -> Path:
    (project / "told").mkdir()
    (project / "told" / "told.py").write_text(PLUGIN)
    said = "[defaults]\ncallback_plugins = told\n[told]\nloud = yes\n[sudo_become_plugin]\nuser = bob\n"
    (project / "ansible.cfg").write_text(said)
    return project / "ansible.cfg"


def test_options_of_plugins(program: Callable[..., Any], plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = program("ansible-config", "dump", "-t", "callback", "told")[1]
    assert out == f"\ntold:\n____\nloud({plugins}) = True\nmust(REQUIRED) = None\nnames(default) = ['a', 'b']\n"
    monkeypatch.setenv("TOLD_LOUD", "no")
    monkeypatch.setenv("ANSIBLE_SUDO_EXE", "doas")
    out = program("ansible-config", "dump", "-t", "all", "--only-changed")[1]
    _, _, of_plugins = out.partition("\nGALAXY_SERVERS:\n")
    become = (
        f"\nBECOME:\n======\n\nsudo:\n____\nbecome_exe(env: ANSIBLE_SUDO_EXE) = doas\nbecome_user({plugins}) = bob\n"
    )
    assert of_plugins == f"\n{become}\nCALLBACK:\n========\n\ntold:\n____\nloud(env: TOLD_LOUD) = False\n"
    told = json.loads(program("ansible-config", "dump", "-t", "become", "su", "--format", "json")[1])[0]["su"]
    assert {"name": "prompt_l10n", "origin": "default", "value": []} in told
    status, out, err = program("ansible-config", "dump", "-t", "become", "nosuch")
    assert (status, out.strip()) == (0, "") and "Skipping nosuch as we could not find matching plugin" in err
    assert program("ansible-config", "dump", "-t", "strategy")[0] == 2


def test_what_plugins_may_be_set_by(program: Callable[..., Any], plugins: Path) -> None:
    told = yaml.safe_load(program("ansible-config", "list", "-t", "callback")[1])["PLUGINS"]["callback"]
    assert told["told"]["loud"]["env"] == [{"name": "TOLD_LOUD"}] and "result_format" in told["default"]
    every = yaml.safe_load(program("ansible-config", "list", "-t", "all")[1])
    assert "DEFAULT_FORKS" in every and "ssh_args" in every["PLUGINS"]["CONNECTION"]["ssh"]
    out = program("ansible-config", "init", "-t", "callback", "--disabled", "told")[1]
    assert out == "[told]\n# (bool) How.\n# Loud.\n;loud=False\n\n# (list) Whose.\n;names=a, b\n\n"
    assert "ANSIBLE_SU_USER=root\n" in program("ansible-config", "init", "-t", "become", "-f", "env")[1]
    assert 'told_names: ["a", "b"]\n' in program("ansible-config", "init", "-t", "callback", "-f", "vars", "told")[1]


def test_validate_with_plugins(program: Callable[..., Any], plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert program("ansible-config", "validate", "-t", "all")[:2] == (0, "All configurations seem valid!\n")
    status, _, err = program("ansible-config", "validate")
    assert status == 1 and "unknown section 'told'" in err and "unknown section 'sudo_become_plugin'" in err
    monkeypatch.setenv("ANSIBLE_TOLD_MUST", "x")
    assert program("ansible-config", "validate", "-t", "all", "-f", "env")[0] == 0
    assert "'ANSIBLE_TOLD_MUST'" in program("ansible-config", "validate", "-f", "env")[2]


def test_servers_of_galaxy(program: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "ansible.cfg").write_text(
        "[galaxy]\nserver_list = one, two\n[galaxy_server.one]\nurl=https://one/\n[galaxy_server.two]\nvalidate_certs=no\n"
    )
    monkeypatch.setenv("ANSIBLE_GALAXY_SERVER_TWO_URL", "https://two/")
    told = program("ansible-config", "dump", "--only-changed")[1].partition("\nGALAXY_SERVERS:\n")[2]
    file = project / "ansible.cfg"
    assert told == (
        f"\n\none\n===\nurl({file}) = https://one/\n"
        f"\ntwo\n===\nurl(env: ANSIBLE_GALAXY_SERVER_TWO_URL) = https://two/\nvalidate_certs({file}) = False\n"
    )
    rows = json.loads(program("ansible-config", "dump", "-f", "json")[1])[-1]["GALAXY_SERVERS"]["one"]
    assert rows[0] == {"name": "url", "origin": str(file), "type": None, "value": "https://one/"}
    assert rows[-1]["name"] == "timeout" and program("ansible-config", "validate")[0] == 0
