from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stella_ops.cli.modules import module_index
from stella_ops.content import builtin_folder
from stella_ops.engine.options import RunOptions
from stella_ops.engine.traits import FACT_MODULES, Traits
from stella_ops.playbook.parser import load_playbook
from stella_ops.templating.lookups.registry import LOOKUPS


@pytest.fixture
def traits_of(tmp_path: Path) -> Any:
    """Whether a task, written as YAML, may lead and may follow."""

    def look(text: str, folder: Path | None = None) -> tuple[bool, bool]:
        folders = (folder,) if folder else ()
        path = tmp_path / "play.yml"
        handlers = "" if "handlers:" in text else "\n  handlers:\n    - name: known\n      ping:"
        path.write_text(f"- hosts: all\n  tasks:\n    - {text}{handlers}\n")
        [play] = load_playbook(path, modules=module_index(folders)).plays
        [task] = play.tasks
        traits = Traits(RunOptions(module_folders=folders), lambda topic: topic != "by another name")
        return traits.may_lead(task), traits.may_follow(task)  # type: ignore[arg-type]

    return look


@pytest.mark.parametrize(
    ("text", "lead", "follow"),
    [
        ("command: x", True, True),
        ("copy: {content: x, dest: /x}", True, True),
        ("template: {src: x, dest: /x}", True, True),
        ("debug: {msg: x}", True, True),
        ("assert: {that: x}", True, True),
        ("setup:", True, True),
        ("service_facts:", False, True),
        ("agent_preflight:", True, True),
        ("agent_checkpoint:\n      register: r", True, True),
        ("agent_restore: {checkpoint: {}}", False, False),
        ("command: x\n      register: r", True, True),
        ("command: x\n      when: r.rc == 0", True, True),
        ("command: x\n      notify: known", True, True),
        ("command: x\n      changed_when: false", True, True),
        ("command: x\n      no_log: true", True, True),
        ("command: x\n      ignore_errors: true", True, True),
        ("command: x\n      become: true", True, True),
        # What it found is judged on the controller: it has to be back first.
        ("command: x\n      failed_when: false", False, True),
        ("command: x\n      failed_when: r is defined", False, False),
        ("command: x\n      changed_when: r is defined", False, False),
        ("command: x\n      ignore_errors: '{{ y }}'", True, False),
        ("command: x\n      ignore_unreachable: true", False, True),
        ("command: x\n      ignore_unreachable: '{{ y }}'", False, False),
        ("command: x\n      ignore_unreachable: false", True, True),
        ("command: x\n      loop: [1]", False, False),
        ("command: x\n      until: true", False, False),
        ("command: x\n      retries: 2", False, False),
        ("command: x\n      delegate_to: web", False, False),
        ("command: x\n      run_once: true", False, False),
        ("command: x\n      run_once: '{{ y }}'", False, False),
        ("command: x\n      run_once: false", True, True),
        # It could say how the host is reached.
        ("command: x\n      register: ansible_user", False, False),
        ("command: x\n      register: stella_agent_name", False, False),
        # Who is notified shows only when it has run.
        ("command: x\n      notify: '{{ y }}'", False, False),
        ("set_fact: {x: 1}", False, False),
        ("fail:", False, False),
        ("pause: seconds=1\n      name: p", False, False),
        ("meta: noop", False, False),
        ("raw: x", False, False),
        ("agent_enroll:", False, False),
    ],
)
def test_who_may(traits_of: Any, text: str, lead: bool, follow: bool) -> None:
    assert traits_of(text) == (lead, follow)


def test_modules_of_the_operators_own_are_not_known_enough(traits_of: Any, tmp_path: Path) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    for name in ("mine", "ping"):
        (folder / f"{name}.py").write_text("def run(task):\n    return {}\n")
    assert traits_of("mine:", folder) == (False, False)
    assert traits_of("ping:", folder) == (False, False)
    assert traits_of("ping:") == (True, True)


def test_a_handler_that_has_another_name_when_it_runs(traits_of: Any) -> None:
    """The name is a template; to notify it ends the run, behind which nothing may have run."""
    handlers = "\n  handlers:\n    - name: by another name\n      ping:"
    assert traits_of("command: x\n      notify: by another name" + handlers) == (False, False)


def test_a_template_that_is_tried_ahead_has_no_effect() -> None:
    """A new lookup belongs in one of these sets.

    A task that is prepared ahead of its turn may be prepared again in it, or never run. So a lookup that does more
    than look has to call ``scope.in_turn()`` before it does it, as ``pipe`` does.
    """
    only_looks = {
        *("cartesian", "dict", "env", "file", "fileglob", "first_found", "flattened", "indexed_items", "items", "list"),
        *("nested", "random_choice", "sequence", "subelements", "template", "together", "unvault", "varnames", "vars"),
        *("config", "csvfile", "ini", "inventory_hostnames"),
    }
    waits_for_its_turn = {"lines", "password", "pipe", "url"}
    assert set(LOOKUPS) == only_looks | waits_for_its_turn


def test_all_modules_that_return_facts_are_known() -> None:
    folder = builtin_folder("modules")
    telling = {path.stem for path in folder.glob("*.py") if "ansible_facts" in path.read_text(encoding="utf-8")}
    assert telling == FACT_MODULES
