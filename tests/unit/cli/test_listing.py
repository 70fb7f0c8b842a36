"""Beyond what cases/list_hosts and cases/list_tasks compare with ansible-core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_hosts_that_are_a_template(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("- hosts: '{{ who }}'\n  vars: {who: b}\n  tasks: []\n")
    assert "hosts (1):\n      b\n" in stella("play", "-i", hosts, "p.yml", "--list-hosts").out
    assert "hosts (1):\n      a\n" in stella("play", "-i", hosts, "p.yml", "--list-hosts", "-e", "who=a").out


def test_a_pattern_that_means_nobody(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("- name: x\n  hosts: wbe\n  tasks: []\n")
    said = stella("play", "-i", hosts, "p.yml", "--list-hosts")
    assert said.status == 4 and "p.yml:2:10" in said.err and "did you mean 'web'?" in said.err


def test_rescue_and_always_are_listed_but_for_ansible_playbook(
    stella: Callable[..., Any], hosts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = "{block: [{debug: , name: one}], rescue: [{debug: , name: two, tags: t}], always: [{debug: , name: three}]}"
    (tmp_path / "p.yml").write_text(f"- hosts: all\n  tasks: [{block}]\n")
    assert (
        "one\tTAGS: []\n      two\tTAGS: [t]\n      three" in stella("play", "-i", hosts, "p.yml", "--list-tasks").out
    )
    monkeypatch.setattr("stella_ops.cli.listing.called_as_ansible", lambda: True)
    said = stella("play", "-i", hosts, "p.yml", "--list-tasks", "--list-tags").out
    assert said.endswith("    tasks:\n      one\tTAGS: []\n      TASK TAGS: []\n")
