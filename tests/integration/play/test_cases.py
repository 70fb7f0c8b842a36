"""Playbooks as data: what each case in ``cases/`` prints and ends with. See ``case.py`` for what a case is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Any

import pytest

cases = sys.modules["tests_integration_play_case"]  # loaded by conftest.py

ALL = [(name, label) for name in cases.names() for label in cases.load(name).runs]
EMBEDDED = [(name, label) for name, label in ALL if cases.load(name).also_embedded]


@pytest.mark.parametrize(("name", "label"), ALL, ids=cases.ids(ALL))
def test_case(name: str, label: str, run_case: Callable[..., Any]) -> None:
    case = cases.load(name)
    if case.needs and shutil.which(case.needs) is None:
        pytest.skip(f"left out: there is no {case.needs} on this machine")
    _check(case, label, run_case(case, label))


@pytest.mark.integration
@pytest.mark.parametrize(("name", "label"), EMBEDDED, ids=cases.ids(EMBEDDED))
def test_case_over_ssh(name: str, label: str, run_case: Callable[..., Any], embedded_lab: Any) -> None:
    case = cases.load(name)
    _check(case, label, run_case(case, label, embedded_lab))


def _check(case: Any, label: str, ran: Any) -> None:
    said = ran.stdout + ran.stderr
    if case.no_transcript:
        assert ran.status == case.exits[label], said
    else:
        assert f"exit status {ran.status}\n\n{ran.transcript}" == case.expected(label).read_text(encoding="utf-8"), said
    for text in case.says.get("", []) + (case.says.get(label, []) if label else []):
        assert text in said
    for text in case.silent:
        assert text not in said
    if "-vvv" not in case.runs[label]:
        assert "Traceback" not in said
