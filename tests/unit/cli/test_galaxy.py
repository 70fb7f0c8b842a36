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
    command = [sys.executable, "-c", start, "collection", "install", "acme.tools"]
    assert stella("ansible-shims", str(installed / "shims")).status == 0
    # Where a program lies does not make it ours: this one's folder is named as we are.
    other = installed / "stella-core"
    other.mkdir()
    (other / "ansible-galaxy").write_text(f'#!/bin/sh\n# of {other}\necho "core: $*"\n')
    (other / "ansible-galaxy").chmod(0o755)
    monkeypatch.setenv("PATH", str(installed / "shims"))
    alone = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "ansible-galaxy collection install is not supported by stella-ops\nhint: " in alone.stderr
    monkeypatch.setenv("PATH", f"{installed / 'shims'}:{other}")
    both = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (both.returncode, both.stdout) == (0, "core: collection install acme.tools\n")
