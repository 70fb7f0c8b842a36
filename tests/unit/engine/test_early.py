"""What a play's ``hosts`` may use before the play has hosts, and how it is told that it cannot be rendered."""

from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.cli.modules import module_index
from stella_ops.engine.options import RunOptions
from stella_ops.engine.play_hosts import play_pattern, play_title
from stella_ops.errors import TemplateError
from stella_ops.inventory.model import Inventory
from stella_ops.playbook.parser import load_playbook
from stella_ops.templating.templar import Templar


def pattern(tmp_path: Path, written: str, **extra_vars: str) -> tuple[object, str]:
    (tmp_path / "site.yml").write_text(f"- {written}\n  vars_files: [nowhere.yml, own.yml]\n")
    (tmp_path / "own.yml").write_text("where: web\n")
    play = load_playbook(tmp_path / "site.yml", modules=module_index(())).plays[0]
    known = Inventory(), RunOptions(extra_vars=extra_vars), Templar()
    return play_pattern(play, *known), play_title(play, *known)


def test_files_are_read_and_extra_variables_win(tmp_path: Path) -> None:
    assert pattern(tmp_path, "hosts: '{{ where }}'") == ("web", "web")
    assert pattern(tmp_path, "hosts: '{{ where }}'", where="db") == ("db", "db")
    assert pattern(tmp_path, "hosts: [a, '{{ where }}']") == (["a", "web"], "a,web")
    assert pattern(tmp_path, "hosts: '{{ [where] }}'") == (["web"], "['web']")
    assert pattern(tmp_path, "hosts: all\n  name: on {{ where }}") == ("all", "on web")


def test_what_cannot_be_rendered_is_the_playbooks_fault(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="'nope' is undefined") as caught:
        pattern(tmp_path, "hosts: '{{ nope }}'")
    assert caught.value.exit_code == 4
