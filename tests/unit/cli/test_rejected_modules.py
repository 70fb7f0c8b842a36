"""``plugin_filters_cfg``: modules that nobody is to use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PLAY = "- hosts: all\n  gather_facts: false\n  tasks:\n    - {}\n"


@pytest.fixture
def rejecting(tmp_path: Path) -> Path:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nplugin_filters_cfg = reject.yml\n")
    path = tmp_path / "reject.yml"
    path.write_text("filter_version: '1.0'\nmodule_rejectlist: [ping, debug]\n")
    return path


@pytest.mark.parametrize("task", ["ping:", "ansible.builtin.ping:", "debug:", "action: \"{{ 'ping' }}\""])
def test_a_playbook_has_them_no_more(stella: Callable[..., Any], rejecting: Path, tmp_path: Path, task: str) -> None:
    (tmp_path / "p.yml").write_text(PLAY.format(task))
    said = stella("play", "-i", "localhost,", "-c", "local", "p.yml")
    assert said.status in (1, 2, 4)
    assert "couldn't resolve module/action" in said.err or "Cannot resolve 'ping'" in said.err + said.out
    assert "ok: [localhost]" not in said.out
    (tmp_path / "p.yml").write_text(PLAY.format("set_fact: {a: 1}"))
    assert stella("play", "-i", "localhost,", "-c", "local", "p.yml").status == 0


def test_nor_has_a_single_task(stella: Callable[..., Any], rejecting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("run", "localhost", "-i", "localhost,", "-c", "local", "-m", "ping")
    said = stella(*words)
    assert said.status != 0
    assert "a plugin_filters_cfg rejects it" in said.err
    monkeypatch.setattr("stella_ops.cli.ansible_programs.called_as_ansible", lambda: True)
    said = stella(*words)
    assert said.status == 2
    assert "Cannot resolve 'ping' to an action or module" in said.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist"),
        ("[", "was not parsable"),
        ("module_rejectlist: [ping]", "was invalid: it names no filter_version"),
        ("{filter_version: 2, module_rejectlist: [ping]}", "a version not recognized"),
        ("{filter_version: 1.0, module_rejectlist: ping}", "module_rejectlist is not a list"),
        ("{filter_version: 1.0, module_rejectlist: [stat]}", "Please remove stat from the reject list"),
    ],
)
def test_a_file_that_is_wrong_is_no_leave(
    stella: Callable[..., Any], rejecting: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, message: str
) -> None:
    rejecting.unlink()
    if text is not None:
        rejecting.write_text(text)
    words = ("run", "localhost", "-i", "localhost,", "-c", "local", "-m", "ping")
    said = stella(*words)
    assert (said.status, message in said.err) == (4, True), said.err
    monkeypatch.setattr("stella_ops.cli.rejected_modules.called_as_ansible", lambda: True)
    said = stella(*words)
    assert message in said.err
    assert (said.status == 0) is ("stat" not in message), "as in ansible-core the file is passed over"
