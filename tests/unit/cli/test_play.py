from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.cli.play import find_playbook
from stella_ops.errors import PlaybookError


def test_a_playbook_by_path_then_of_the_project_then_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_playbook("bootstrap.yml", tmp_path).parent.name == "playbooks"
    (tmp_path / "playbooks").mkdir()
    own = tmp_path / "playbooks" / "bootstrap.yml"
    own.write_text("[]")
    assert find_playbook("bootstrap.yml", tmp_path) == own
    (tmp_path / "bootstrap.yml").write_text("[]")
    assert find_playbook("bootstrap.yml", tmp_path) == Path("bootstrap.yml")


def test_no_such_playbook(tmp_path: Path) -> None:
    with pytest.raises(PlaybookError) as caught:
        find_playbook("bootstrp.yml", tmp_path)
    assert caught.value.hint == "did you mean 'bootstrap.yml'?"
    with pytest.raises(PlaybookError, match="is a folder"):
        find_playbook(str(tmp_path), tmp_path)


def test_modules_beside_the_playbook(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    (folder / "modules").mkdir(parents=True)
    (folder / "modules" / "mine.py").write_text(
        '"""Mine."""\nARGUMENTS = {}\n\n\ndef run(task):\n    return {"n": 7}\n'
    )
    (folder / "p.yml").write_text(
        "- hosts: a\n  gather_facts: false\n  tasks:\n    - mine:\n      register: r\n    - debug: var=r.n\n"
    )
    said = stella("play", "-i", hosts, folder / "p.yml")
    assert said.status == 0 and '"r.n": 7' in said.out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_modules_that_somebody_left_in_a_shared_folder_are_not_run(
    stella: Callable[..., Any], hosts: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    (folder / "modules").mkdir(parents=True)
    (folder / "modules" / "mine.py").write_text('"""Mine."""\n\n\ndef run(task):\n    return {}\n')
    os.chown(folder / "modules", 65534, 65534)
    (folder / "p.yml").write_text("- hosts: a\n  gather_facts: false\n  tasks:\n    - mine:\n")
    assert stella("play", "-i", hosts, folder / "p.yml").status == 0
    folder.chmod(0o1777)
    said = stella("play", "-i", hosts, folder / "p.yml")
    assert said.status == 4 and "unknown module 'mine'" in said.err


def test_nothing_is_asked_of_hosts_to_list_or_check(stella: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("- hosts: all\n  tasks:\n    - ping:\n")
    for flag in ("--list-hosts", "--list-tasks", "--syntax-check"):
        said = stella("play", "-i", "192.0.2.1,", "p.yml", flag)
        assert said.status == 0 and "playbook: p.yml" in said.out


def test_several_playbooks_are_one_run_with_a_recap_each(
    stella: Callable[..., Any], hosts: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yml").write_text(
            f"- hosts: a\n  gather_facts: false\n  tasks:\n    - set_fact: {{{name}: 1}}\n"
        )
    (tmp_path / "three.yml").write_text(
        "- hosts: a\n  gather_facts: false\n  tasks:\n    - debug: msg='{{ one + two }}'\n"
    )
    said = stella("play", "-i", hosts, "one.yml", "two.yml", "three.yml")
    assert said.status == 0 and '"msg": 2' in said.out.replace('"2"', "2") and said.out.count("PLAY RECAP") == 3


def test_the_recap_is_the_last_word_on_standard_output(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n")
    said = stella("play", "-i", hosts, "p.yml")
    assert said.out.rstrip().splitlines()[-1].startswith("b ") and "ignored=0" in said.out.rstrip().splitlines()[-1]
