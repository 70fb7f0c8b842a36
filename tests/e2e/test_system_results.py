"""Modules on hosts of three Debian releases return what ansible-core's return there; see ``system_results.py``."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stella_ops.lab.model import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.systemd]

FOLDER = Path(__file__).with_name("system_results")
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def results() -> ModuleType:
    """``system_results.py``, which is a program too."""
    spec = importlib.util.spec_from_file_location("system_results", FOLDER.with_suffix(".py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hosts(generations: Lab, make_project: Callable[[], Any]) -> Lab:
    """Hosts with the packages that the playbooks need, installed by our own ``apt`` from Debian's mirror."""
    make_project().run("play", FOLDER / "prepare.yml", "-i", generations.inventory, expect=0, timeout=300)
    return generations


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_ansible_core(
    name: str, hosts: Lab, results: ModuleType, make_project: Callable[[], Any]
) -> None:
    done = make_project().run(
        *("play", FOLDER / f"{name}.yml", "-i", hosts.inventory, "--output", "json"), expect=0, timeout=500
    )
    recorded = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    found = results.of_events(done.stdout)
    assert [task["action"] for task in found] == [task["action"] for task in recorded]
    names = [host.name for host in hosts.hosts]
    for number, (wanted, task) in enumerate(zip(recorded, found, strict=True)):
        expected = {"hosts": wanted.get("ours", wanted["hosts"])}
        differences = results.differences(results.per_host(expected, names), results.per_host(task, names))
        assert not differences, f"task {number} of {name}.yml, {task['action']}"
