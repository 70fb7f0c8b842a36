"""``stella-ops galaxy`` and the program ``ansible-galaxy``: what is installed, for people and programs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_SCAN_SYS_PATH", "no")
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(tmp_path / "far"))
    monkeypatch.setenv("ANSIBLE_ROLES_PATH", str(tmp_path / "far-roles"))
    monkeypatch.chdir(tmp_path)
    for place, name, version in (
        ("collections", "acme.tools", "2.0.0"),
        ("far", "acme.tools", "1.0.0"),
        ("far", "acme.other", None),
    ):
        folder = tmp_path / place / "ansible_collections" / name.replace(".", "/")
        folder.mkdir(parents=True)
        about = {"collection_info": {"version": version}}
        (folder / "MANIFEST.json").write_text(json.dumps(about if version else {}))
    for name in ("web", "db"):
        (tmp_path / "far-roles" / name / "tasks").mkdir(parents=True)
    (tmp_path / "far-roles" / "web" / "meta").mkdir()
    (tmp_path / "far-roles" / "web" / "meta" / ".galaxy_install_info").write_text("version: v3\n")
    (tmp_path / "far-roles" / "no-role").mkdir()
    return tmp_path


def test_collections(stella: Callable[..., Any], installed: Path) -> None:
    near, far = (str(installed / name / "ansible_collections") for name in ("collections", "far"))
    said = stella("galaxy", "collection", "list")
    assert said.out.splitlines() == [
        *("", f"# {near}", "Collection Version", "---------- -------", "acme.tools 2.0.0  "),
        *("", f"# {far}", "Collection Version", "---------- -------", "acme.other *      ", "acme.tools 1.0.0  "),
    ]
    wanted = {
        near: {"acme.tools": {"version": "2.0.0"}},
        far: {"acme.other": {"version": "*"}, "acme.tools": {"version": "1.0.0"}},
    }
    assert json.loads(stella("galaxy", "collection", "list", "--format=json").out) == wanted
    assert yaml.safe_load(stella("galaxy", "collection", "list", "--format", "yaml").out) == wanted
    found = stella("galaxy", "collection", "list", "acme.other", "--format", "json").out
    assert json.loads(found) == {far: {"acme.other": {"version": "*"}}}
    assert stella("galaxy", "collection", "list", "no.such").status == 1


def test_roles(stella: Callable[..., Any], installed: Path) -> None:
    folder = installed / "far-roles"
    assert stella("galaxy", "role", "list").out == f"# {folder}\n- db, (unknown version)\n- web, v3\n"
    assert stella("galaxy", "list", "web").out == f"# {folder}\n- web, v3\n"
    assert stella("galaxy", "role", "list", "nope").status == 1


def test_what_is_not_installed_is_no_failure_of_ansible_galaxy(
    stella: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stella_ops.cli.galaxy.called_as_ansible", lambda: True)
    for kind, name in (("collection", "no.such"), ("role", "nope")):
        done = stella("galaxy", kind, "list", name)
        assert (done.status, done.out, done.err) == (0, "", f"[WARNING]: - the {kind} {name} was not found\n")


def test_what_is_not_here_is_left_to_another_ansible_galaxy(
    stella: Callable[..., Any], installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first on the PATH that is not ours; without one, the error says what to do."""
    start = 'import sys; sys.argv[0] = "ansible-galaxy"\nfrom stella_ops.cli.entry import main; main()'
    command = [sys.executable, "-c", start, "collection", "install", "acme.none"]
    assert stella("ansible-shims", str(installed / "shims")).status == 0
    # Where a program lies does not make it ours: this one's folder is named as we are.
    other = installed / "stella-core"
    other.mkdir()
    (other / "ansible-galaxy").write_text(f'#!/bin/sh\n# of {other}\necho "core: $*"\n')
    (other / "ansible-galaxy").chmod(0o755)
    monkeypatch.setenv("PATH", str(installed / "shims"))
    alone = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (alone.returncode, alone.stdout) == (1, "Starting galaxy collection install process\n")
    assert "Galaxy servers are not asked\nhint: " in alone.stderr
    monkeypatch.setenv("PATH", f"{installed / 'shims'}:{other}")
    both = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (both.returncode, both.stdout) == (0, "core: collection install acme.none\n")


def test_from_a_new_collection_to_an_installed_one(stella: Callable[..., Any], installed: Path) -> None:
    galaxy = ("galaxy", "collection")
    assert stella(*galaxy, "init", "acme.fresh").out == "- Collection acme.fresh was created successfully\n"
    archive = installed / "acme-fresh-1.0.0.tar.gz"
    assert stella(*galaxy, "build", "acme/fresh").out == f"Created collection for acme.fresh at {archive}\n"
    again = stella(*galaxy, "build", "acme/fresh")
    assert again.status == 1
    assert "use --force" in again.err
    said = stella(*galaxy, "install", archive)
    assert (said.status, said.err) == (0, "")
    place = installed / "far" / "ansible_collections" / "acme" / "fresh"
    assert f"Installing 'acme.fresh:1.0.0' to '{place}'" in said.out
    assert "Successfully verified" in stella(*galaxy, "verify", "acme.fresh").out
    (place / "README.md").write_text("other")
    said = stella(*galaxy, "verify", "acme.fresh", "--offline")
    assert said.status == 1
    assert "modified content in the following files:\n    README.md\n" in said.out
    said = stella(*galaxy, "install", archive, "-p", "elsewhere", "--check")
    assert "is not part of the configured Ansible collections paths" in said.err
    assert not (installed / "elsewhere").exists()
    for words, status, message in (
        (("install",), 5, "You must specify a collection name or a requirements file"),
        (("install", "no.where"), 1, "Galaxy servers are not asked"),
        (("verify", "no.where"), 2, "is not installed"),
        (("init", "bad"), 1, "Invalid collection name 'bad'"),
        (("publish", archive), 2, "is not supported"),
    ):
        said = stella(*galaxy, *words)
        assert (said.status, message in said.err) == (status, True), said.err


def test_from_a_new_role_to_a_removed_one(stella: Callable[..., Any], installed: Path) -> None:
    assert stella("galaxy", "role", "init", "fresh").out == "- Role fresh was created successfully\n"
    assert stella("galaxy", "init", "fresh").status == 1
    (installed / "requirements.yml").write_text("roles: [{src: ./fresh, name: named}]\ncollections: []\n")
    said = stella("galaxy", "install", "-r", "requirements.yml")
    assert "- named was installed successfully" in said.out
    assert (installed / "far-roles" / "named" / "tasks" / "main.yml").is_file()
    assert "description: what the role is for" in stella("galaxy", "role", "info", "named").out
    assert stella("galaxy", "role", "remove", "named").out == "- successfully removed named\n"
    assert stella("galaxy", "role", "remove", "web2").out == "- web2 is not installed, skipping.\n"
    assert "is not installed" not in stella("galaxy", "role", "info", "named").out
    assert stella("galaxy", "install").status == 5
