"""Playbooks as data: what each case in ``cases/`` prints and ends with. See ``case.py`` for what a case is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Any

import pytest

cases = sys.modules["tests_integration_play_case"]  # loaded by conftest.py

LOADED = {name: cases.load(name) for name in cases.names()}
ALL = [(name, label) for name, case in LOADED.items() for label in case.runs]
# By SSH, a case's first run: what differs from run to run is mostly the command line, not the host.
BY_SSH = [(name, next(iter(case.runs))) for name, case in LOADED.items() if not case.local_only]


@pytest.mark.parametrize(("name", "label"), ALL, ids=cases.ids(ALL))
def test_case(name: str, label: str, run_case: Callable[..., Any]) -> None:
    _check(LOADED[name], label, run_case)


@pytest.mark.integration
@pytest.mark.parametrize(("name", "label"), BY_SSH, ids=cases.ids(BY_SSH))
def test_case_over_ssh(name: str, label: str, run_case: Callable[..., Any], own_openssh: Any) -> None:
    _check(LOADED[name], label, run_case, own_openssh)


def _check(case: Any, label: str, run_case: Callable[..., Any], *host: Any) -> None:
    if case.needs and shutil.which(case.needs) is None:
        pytest.skip(f"left out: there is no {case.needs} on this machine")
    ran = run_case(case, label, *host)
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
