"""Every file of ``bad/`` ends with what must be said about it: ``#! line:column message | hint``."""

from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.errors import PlaybookError, UndefinedVariableError
from stella_ops.playbook.parser import load_playbook
from stella_ops.playbook.problems import PlaybookProblems

CASES = sorted((Path(__file__).parent / "bad").glob("*.yml"))


def expected(path: Path) -> list[tuple[str, str, str | None]]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#! "):
            place, _, said = line[3:].partition(" ")
            message, _, hint = said.partition(" | ")
            found.append((place, message, hint or None))
    return found


def told(path: Path, problems: list[PlaybookError]) -> list[tuple[str, str, str | None]]:
    found = []
    for problem in problems:
        place = (problem.where or "").removeprefix(str(path)).lstrip(":")
        found.append((place or "0:0", problem.message.replace(str(path.parent), "HERE"), problem.hint))
    return found


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_problem_is_told_with_its_place(path: Path, modules) -> None:
    with pytest.raises(PlaybookError) as caught:
        load_playbook(path, modules=modules)
    problems = getattr(caught.value, "problems", [caught.value])
    wanted = expected(path)
    assert wanted, "the case says nothing about what is wrong"
    hints = {place: hint for place, _, hint in wanted}
    actual = told(path, problems)
    # a case that names no hint leaves it open
    assert sorted((p, m) for p, m, _ in actual) == sorted((p, m) for p, m, _ in wanted)
    assert [h for p, _, h in actual if hints[p]] == [hints[p] for p, _, _ in actual if hints[p]]


def test_the_error_lists_all_problems_in_file_order(modules, write) -> None:
    path = write("- hosts: all\n  tasks:\n    - pong:\n    - ping:\n      whn: x\n  gather: no\n")
    with pytest.raises(PlaybookProblems) as caught:
        load_playbook(path, modules=modules)
    assert str(caught.value).splitlines() == [
        "3 problems",
        f"  {path}:3:7: unknown module 'pong': couldn't resolve module/action 'pong' (did you mean 'ping'?)",
        f"  {path}:5:7: unknown keyword 'whn' in a task: conflicting action statements: ping, whn (did you mean "
        "'when'?)",
        f"  {path}:6:3: unknown keyword 'gather' in a play: 'gather' is not a valid attribute for a Play (did you mean "
        "'gather_facts'?)",
    ]
    assert caught.value.exit_code == 4


def test_one_problem_stands_alone(modules, write) -> None:
    path = write("- hosts: all\n  tasks:\n    - pong:\n")
    with pytest.raises(PlaybookProblems) as caught:
        load_playbook(path, modules=modules)
    assert caught.value.where == f"{path}:3:7"
    assert caught.value.hint == "did you mean 'ping'?"


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("import_role: {name: '{{ nope }}'}", 1),
        ("import_role: {name: x, tasks_from: '{{ nope }}'}", 1),
        ("import_tasks: '{{ nope }}.yml'", 4),
    ],
)
def test_how_a_run_ends_that_an_undefined_name_of_an_import_stops(modules, write, written: str, status: int) -> None:
    def render(value: object, *_: object) -> object:
        raise UndefinedVariableError("'nope' is undefined", name="nope")

    path = write(f"- hosts: all\n  tasks:\n    - {written}\n")
    with pytest.raises(PlaybookProblems, match="'nope' is undefined") as caught:
        load_playbook(path, modules=modules, render=render)
    assert caught.value.exit_code == status


def test_a_missing_file(modules, tmp_path: Path) -> None:
    with pytest.raises(PlaybookError, match="cannot read the file: No such file"):
        load_playbook(tmp_path / "none.yml", modules=modules)
