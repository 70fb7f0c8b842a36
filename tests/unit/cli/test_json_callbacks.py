"""``stdout_callback = json``: the form of ansible.posix's callback, in the place of all else on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - slurp: {src: play.yml}
      no_log: true
    - debug: {msg: shown}
    - fail: {msg: no}
"""


@pytest.mark.parametrize("name", ["json", "ansible.posix.json", "jsonl"])
def test_a_playbook_in_json(
    stella: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "ansible.cfg").write_text(f"[defaults]\nstdout_callback = {name}\ncallbacks_enabled = timer\n")
    said = stella("play", "-i", "localhost,", "-c", "local", "play.yml")
    assert said.status == 2
    if name == "jsonl":
        found = [json.loads(line) for line in said.out.splitlines()]
        failed, stats = found[-2]["hosts"]["localhost"], found[-1]["stats"]
    else:
        document = json.loads(said.out)
        tasks = document["plays"][0]["tasks"]
        assert [task["task"]["path"] for task in tasks] == [f"{tmp_path}/play.yml:{line}" for line in (5, 7, 8)]
        assert "censored" in tasks[0]["hosts"]["localhost"]
        assert tasks[1]["hosts"]["localhost"]["msg"] == "shown"
        failed, stats = tasks[2]["hosts"]["localhost"], document["stats"]
    assert (failed["failed"], failed["msg"], failed["action"]) == (True, False, "fail")
    assert (stats["localhost"]["ok"], stats["localhost"]["failures"]) == (2, 1)


def test_it_is_the_form_of_playbooks_alone(stella: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "json")
    said = stella("run", "localhost", "-i", "localhost,", "-c", "local", "-m", "debug", "-a", "msg=hi")
    assert said.out.startswith("localhost | SUCCESS => {")
