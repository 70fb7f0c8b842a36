"""``--report``, ``--output junit``, ``--detailed-exitcode`` and ``stella-ops runs``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

PLAY = """
- hosts: all
  name: one
  gather_facts: false
  tasks:
    - debug: msg="bell \\a"
    - fail: msg=broken
      when: inventory_hostname == 'b'
"""


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    path = tmp_path / "p.yml"
    path.write_text(PLAY)
    return path


def test_junit(stella: Callable[..., Any], hosts: Path, playbook: Path, tmp_path: Path) -> None:
    said = stella("play", "-i", hosts, playbook, "--report", "junit=out.xml", "--report", "json=out.json")
    assert said.status == 2 and "PLAY RECAP" in said.out
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("4", "1", "1")
    suite = root[0]
    assert suite.get("name") == "one"
    names = [(case.get("name"), [part.tag for part in case]) for case in suite]
    assert names == [
        ("[a] debug", ["system-out"]),
        ("[b] debug", ["system-out"]),
        ("[a] fail", ["skipped"]),
        ("[b] fail", ["failure"]),
    ]
    failure = suite[3][0]
    assert failure.get("message") == "broken" and "p.yml:7:7" in str(failure.text)
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["run"]["exit_code"] == 2 and report["stats"]["b"]["failed"] == 1
    assert report["plays"][0]["tasks"][1]["hosts"]["b"]["result"]["msg"] == "broken"
    assert not list(tmp_path.glob(".out*"))


def test_junit_on_standard_output(stella: Callable[..., Any], hosts: Path, playbook: Path) -> None:
    said = stella("play", "-i", hosts, playbook, "-l", "a", "--output", "junit")
    assert said.status == 0
    assert ElementTree.fromstring(said.out).get("tests") == "2"


@pytest.mark.parametrize("wrong", ["junit", "xunit=x", "json=no/such/folder/x", "json=."])
def test_reports_that_cannot_be(stella: Callable[..., Any], hosts: Path, playbook: Path, wrong: str) -> None:
    said = stella("play", "-i", hosts, playbook, "--report", wrong)
    assert said.status == 2 and f"--report {wrong}" in said.err and "TASK" not in said.out


def test_detailed_exit_codes(stella: Callable[..., Any], hosts: Path, playbook: Path, tmp_path: Path) -> None:
    change = tmp_path / "change.yml"
    change.write_text(
        "- hosts: a\n  gather_facts: false\n  tasks:\n    - copy: content=x dest={{ playbook_dir }}/made\n"
    )
    ask = ("--detailed-exitcode",)
    assert stella("play", "-i", hosts, change, *ask, "--check").status == 2
    assert stella("play", "-i", hosts, change, *ask).status == 2
    assert stella("play", "-i", hosts, change, *ask).status == 0
    assert stella("play", "-i", hosts, playbook, *ask).status == 1
    assert stella("play", "-i", hosts, "nothere.yml", *ask).status == 1
    assert stella("play", "-i", hosts, playbook, *ask, "-l", "zz").status == 1
    assert stella("run", "-i", hosts, "a", "-a", "true", *ask).status == 2
    assert stella("run", "-i", hosts, "a", "-m", "ping", *ask).status == 0


def test_recorded_runs(stella: Callable[..., Any], hosts: Path, playbook: Path) -> None:
    stella("play", "-i", hosts, playbook, "-l", "a")
    stella("play", "-i", hosts, playbook)
    listed = json.loads(stella("runs", "list", "--format", "json").out)
    assert [run["exit_code"] for run in listed] == [2, 0]
    assert stella("runs", "list").out.count("p.yml") == 2
    shown = stella("runs", "show").out
    assert "one : fail" in shown and "broken" in shown and "failed=1" in shown
    differing = stella("runs", "diff", listed[1]["id"][:8])
    assert differing.status == 1
    assert differing.out.splitlines() == ["one : debug [b]: - -> ok", "one : fail [b]: - -> failed"]
    assert stella("runs", "diff", "last", "last").status == 0
    said = stella("runs", "show", "zzz")
    assert said.status == 2 and "there is no run 'zzz'" in said.err


def test_one_line_and_tree(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    said = stella("run", "-i", hosts, "all", "-m", "ping", "-o", "--tree", tmp_path / "tree")
    assert sorted(said.out.splitlines()) == [
        'a | SUCCESS => {"changed": false,"ping": "pong"}',
        'b | SUCCESS => {"changed": false,"ping": "pong"}',
    ]
    assert json.loads((tmp_path / "tree" / "a").read_text()) == {"changed": False, "ping": "pong"}
    said = stella("run", "-i", hosts, "a", "-a", "sh -c 'echo x; echo y; echo z >&2; exit 3'", "-o")
    assert said.out.splitlines()[0] == "a | FAILED | rc=3 | (stdout) x\\ny (stderr) z"
    stella("run", "-i", hosts, "all", "-C", "-m", "command", "-a", "true", "--tree", tmp_path / "skipped")
    assert not (tmp_path / "skipped").exists()


def test_hosts_of_a_pattern(stella: Callable[..., Any], hosts: Path) -> None:
    assert stella("run", "-i", hosts, "all", "--list-hosts", "-l", "a").out == "  hosts (1):\n    a\n"
    said = stella("run", "-i", hosts, "all", "-m", "shell")
    assert said.status == 5 and "No argument passed to shell module" in said.err
