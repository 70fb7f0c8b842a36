"""Beyond what cases/list_hosts and cases/list_tasks compare with ansible-core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_hosts_that_are_a_template(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("- hosts: '{{ who }}'\n  vars: {who: b}\n  tasks: []\n")
    assert "hosts (1):\n      b\n" in stella("play", "-i", hosts, "p.yml", "--list-hosts").out
    assert "hosts (1):\n      a\n" in stella("play", "-i", hosts, "p.yml", "--list-hosts", "-e", "who=a").out


def test_a_pattern_that_means_nobody(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("- name: x\n  hosts: wbe\n  tasks: []\n")
    said = stella("play", "-i", hosts, "p.yml", "--list-hosts")
    assert said.status == 4 and "p.yml:2:10" in said.err and "did you mean 'web'?" in said.err
