"""Every case says what must be found in it: ``#! [file:]line:column severity rule message``, and nothing else may be.

A case is a playbook, or a folder with one (``site.yml``) and what it needs beside it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stella_ops.linting.rules import RULES

FOLDER = Path(__file__).parent / "cases"
CASES = sorted(path for path in FOLDER.iterdir() if path.suffix == ".yml" or path.is_dir())


def playbook_of(case: Path) -> str:
    return (case / "site.yml" if case.is_dir() else case).read_text(encoding="utf-8")


def expected(text: str) -> list[tuple[str, str, str, str]]:
    found = []
    for line in text.splitlines():
        if line.startswith("#! "):
            place, severity, rule, message = line[3:].split(" ", 3)
            found.append((f"site.yml:{place}" if place[0].isdigit() else place, severity, rule, message))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_what_is_found(case: Path, lint, tmp_path: Path) -> None:
    if case.is_dir():
        shutil.copytree(case, tmp_path, dirs_exist_ok=True)
    text = playbook_of(case)
    found = [
        (str(each.where), each.severity, each.rule, each.message.replace(str(tmp_path), "HERE")) for each in lint(text)
    ]
    assert found == expected(text)


def test_every_rule_has_a_case() -> None:
    shown = {rule for case in CASES for _, _, rule, _ in expected(playbook_of(case))}
    assert shown == set(RULES)
