"""Before a run: what is certain to fail half-way is told, and nothing else keeps a run from beginning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.cli.prechecking import refuse_what_is_certain_to_fail
from stella_ops.cli.workplace import Choices, prepare
from stella_ops.linting.precheck import CertainFailure

HEAD = "- hosts: web\n  gather_facts: false\n  tasks:\n    - command: touch {{ playbook_dir }}/mark\n"

Play = Callable[..., Any]
Refused = Callable[[str, Path], bool]


@pytest.fixture
def play(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> Play:
    """Runs a playbook; what came of it, and whether its first task was run."""

    def run(text: str, *options: str) -> tuple[Any, bool]:
        (tmp_path / "site.yml").write_text(text)
        said = stella("play", "-i", hosts, "site.yml", *options)
        return said, (tmp_path / "mark").exists()

    return run


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Whether a playbook would not be begun; it is only looked at."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def look(text: str, inventory: Path) -> bool:
        path = tmp_path / "site.yml"
        path.write_text(text)
        workplace = prepare(Choices(inventories=(str(inventory),), output="json"))
        try:
            refuse_what_is_certain_to_fail(workplace, workplace.load([path]))
        except CertainFailure:
            return True
        return False

    return look


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ('    - debug: msg="{{ nothing }}"\n', ["'nothing' is undefined", "site.yml:5:22"]),
        ('    - debug: {msg: "{{ inventory_hostname | uper }}"}\n', ["unknown filter 'uper'", "did you mean 'upper'?"]),
        ('    - debug: {msg: "{{ 1 is evenn }}"}\n', ["unknown test 'evenn'"]),
        ("    - debug: {msg: \"{{ lookup('fil', 'x') }}\"}\n", ["unknown lookup 'fil'"]),
        ('    - debug: {msg: "{{ 1 + }}"}\n', ["cannot be parsed", "site.yml:5:20"]),
        ("    - template: {src: page.j2, dest: page}\n", ["'missing' is undefined", "page.j2:2:4"]),
        ('    - debug: {msg: "{{ outer }}"}\n      vars: {outer: "{{ inner }}"}\n', ["'inner' is undefined", "6:25"]),
        ('    - debug: {msg: "{{ a.c }}"}\n      vars: {a: {b: 1}}\n', ["no attribute 'c'", "site.yml:5:26"]),
    ],
    ids=["undefined", "filter", "test", "lookup", "syntax", "file", "chain", "fails"],
)
def test_nothing_is_run_where_a_template_behind_is_certain_to_fail(
    play: Play, tmp_path: Path, tasks: str, told: list[str]
) -> None:
    (tmp_path / "page.j2").write_text("fine\n{{ missing }}\n")
    said, begun = play(HEAD + tasks)
    assert (said.status, begun) == (2, False)
    for text in [*told, "--no-precheck"]:
        assert text in said.err


def test_all_of_them_are_told_at_once(play: Play) -> None:
    said, _ = play(HEAD + '    - debug: msg="{{ one }}"\n    - debug: msg="{{ 1 | two }}"\n')
    assert "2 problems" in said.err and "'one' is undefined" in said.err and "unknown filter 'two'" in said.err


def test_an_operator_may_insist(play: Play) -> None:
    said, begun = play(HEAD + '    - debug: msg="{{ nothing }}"\n', "--no-precheck")
    assert (said.status, begun) == (2, True)
    assert "failed=1" in said.out


@pytest.mark.parametrize(
    "tasks",
    [
        '    - block:\n        - debug: msg="{{ nothing }}"\n      rescue:\n        - debug: msg=1\n',
        '    - block:\n        - debug: msg="{{ nothing }}"\n      always:\n        - debug: msg=1\n',
        '    - debug: msg="{{ nothing }}"\n      ignore_errors: true\n',
        '    - debug: msg="{{ nothing }}"\n      failed_when: false\n',
        '    - debug: msg="{{ nothing }}"\n      when: inventory_hostname == "nobody"\n',
        '    - debug: msg="{{ nothing }}"\n      when: false\n',
        '    - debug: msg="{{ nothing }}"\n      tags: never\n',
        '    - debug: msg="{{ nothing }}"\n      loop: "{{ [] }}"\n',
        '    - fail: msg=first\n    - debug: msg="{{ nothing }}"\n',
        '    - assert: {that: inventory_hostname == "a"}\n    - debug: msg="{{ nothing }}"\n',
        '    - meta: end_play\n    - debug: msg="{{ nothing }}"\n',
        '    - command: /bin/false\n    - debug: msg="{{ nothing }}"\n',
        '    - include_vars: "{{ ansible_system }}.yml"\n      ignore_errors: true\n    - debug: msg="{{ nothing }}"\n',
        '    - debug: msg="{{ nothing | default(1) }}"\n',
        '    - debug: msg="{% if inventory_hostname == 1 %}{{ nothing }}{{ 1 | nosuch }}{% endif %}"\n',
        "    - debug: {msg: \"{{ [] | map('nosuch') | list }}\"}\n",
        '    - set_fact: {a: {c: 1}}\n    - debug: {msg: "{{ a.c }}"}\n      vars: {a: {b: 1}}\n',
        '    - debug: {msg: "{{ ansible_facts.none }} {{ ansible_nothing }}"}\n',
        '    - name: "{{ nothing }}"\n      debug: msg=1\n',
        '    - debug: msg=1\n      become_user: "{{ nothing }}"\n',
    ],
)
def test_what_may_go_well_or_is_dealt_with_begins(refused: Refused, hosts: Path, tasks: str) -> None:
    assert not refused(HEAD + tasks, hosts)


def test_a_block_that_is_rescued_runs(play: Play) -> None:
    tasks = '    - block:\n        - debug: msg="{{ nothing }}"\n      rescue:\n        - debug: msg=rescued\n'
    said, begun = play(HEAD + tasks)
    assert (said.status, begun) == (0, True)


def test_what_a_later_host_defines_is_no_certain_failure(refused: Refused, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[web]\nh[1:30]\n[last]\nh30\n[last:vars]\nsome=1\n")
    assert not refused(HEAD + '    - debug: msg="{{ some }}"\n', inventory)
    assert refused(HEAD + '    - debug: msg="{{ nobody_has_it }}"\n', inventory)


def test_where_nothing_is_changed_the_run_fails_by_itself(play: Play) -> None:
    said, _ = play('- hosts: web\n  gather_facts: false\n  tasks:\n    - ping:\n    - debug: msg="{{ nothing }}"\n')
    assert said.status == 2
    assert "failed=1" in said.out


def test_check_mode_begins(play: Play) -> None:
    said, _ = play(HEAD + '    - debug: msg="{{ nothing }}"\n', "--check")
    assert "PLAY RECAP" in said.out


def test_what_a_task_writes_is_included_as_it_is_then(play: Play, tmp_path: Path) -> None:
    (tmp_path / "more.yml").write_text("- debug: msg=before\n")
    said, _ = play(
        HEAD + "    - copy: {content: '- debug: msg=after', dest: '{{ playbook_dir }}/more.yml'}\n"
        "      run_once: true\n    - include_tasks: more.yml\n"
    )
    assert said.status == 0 and "after" in said.out and "before" not in said.out
