from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_graph(stella: Callable[..., Any], hosts: Path) -> None:
    assert (
        stella("inventory", "-i", hosts, "--graph").out == "@all:\n  |--@ungrouped:\n  |--@web:\n  |  |--a\n  |  |--b\n"
    )


def test_list_and_host(stella: Callable[..., Any], hosts: Path) -> None:
    listed = json.loads(stella("inventory", "-i", hosts, "--list").out)
    assert listed["web"] == {"hosts": ["a", "b"]}
    assert listed["_meta"]["hostvars"]["a"] == {"ansible_connection": "local"}
    assert json.loads(stella("inventory", "-i", hosts, "--host", "b").out) == {"ansible_connection": "local"}


def test_one_of_three(stella: Callable[..., Any], hosts: Path) -> None:
    assert stella("inventory", "-i", hosts).status == 2
    assert stella("inventory", "-i", hosts, "--list", "--graph").status == 2
    said = stella("inventory", "-i", hosts, "--host", "zz")
    assert said.status == 4 and "no host 'zz'" in said.err
