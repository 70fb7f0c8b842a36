from __future__ import annotations

import json
import tomllib
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
    assert stella("inventory", "-i", hosts).status == 5
    assert stella("inventory", "-i", hosts, "--list", "--graph").status == 5
    said = stella("inventory", "-i", hosts, "--host", "zz")
    assert said.status == 5 and "no host 'zz'" in said.err


def test_forms(stella: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "i.ini"
    path.write_text("[web]\na x=1\n[web:vars]\ny=2\n[front:children]\nweb\n")
    assert stella("inventory", "-i", path, "--list", "-y", "--export").out == (
        "all:\n  children:\n    front:\n      children:\n        web:\n          hosts:\n            a:\n"
        "              x: 1\n          vars:\n            y: 2\n"
    )
    said = stella("inventory", "-i", path, "--list", "--toml", "--export")
    assert tomllib.loads(said.out) == {
        "front": {"children": ["web"]},
        "web": {"hosts": {"a": {"x": 1}}, "vars": {"y": 2}},
    }
    assert stella("inventory", "-i", path, "--graph", "web", "--vars").out == (
        "@web:\n  |--a\n  |  |--{x = 1}\n  |  |--{y = 2}\n  |--{y = 2}\n"
    )
    assert json.loads(stella("inventory", "-i", path, "--host", "a", "-e", "z=3").out) == {"x": 1, "y": 2, "z": "3"}
    assert stella("inventory", "-i", path, "--list", "--output", "o.json").out == ""
    assert json.loads((tmp_path / "o.json").read_text())["_meta"]["hostvars"] == {"a": {"x": 1, "y": 2}}


def test_a_limit(stella: Callable[..., Any], hosts: Path) -> None:
    listed = json.loads(stella("inventory", "-i", hosts, "--list", "-l", "a").out)
    assert listed["web"] == {"hosts": ["a"]} and list(listed["_meta"]["hostvars"]) == ["a"]
    said = stella("inventory", "-i", hosts, "--graph", "wbe")
    assert said.status == 5 and "did you mean 'web'?" in said.err
