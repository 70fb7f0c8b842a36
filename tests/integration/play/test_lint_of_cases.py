"""Lint over the cases: it finds the fault of those that show one, and none in those that run well."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from stella_ops.cli.entry import run_cli

cases = sys.modules["tests_integration_play_case"]  # loaded by conftest.py

# What lint cannot know, or says before it looks at a playbook.
_NOT_FOUND = {
    "error_connection": "the connection is a value of the run",
    "error_environment": "the value is a template",
    "error_extra_vars": "the command line is wrong",
    "error_handler_not_found_template": "the handler's name is a template",
    "error_inventory": "the inventory cannot be read",
    "error_max_fail_percentage": "the value is given with -e",
    "error_no_playbook": "there is no playbook",
    "error_port": "the inventory is wrong in a variable",
    "error_serial": "the value is given with -e",
    "error_strategy_template": "the value is given with -e",
    "error_unknown_option": "the command line is wrong",
    "error_vault_no_password": "values are decrypted when they are used",
    "error_vault_wrong_password": "values are decrypted when they are used",
}
# They run well because what fails in them is ignored or rescued.
_FAULTY_ON_PURPOSE = {
    "check_mode_async": "an included file has wrong arguments",
    "module_corners": "a line of a file is no mapping",
    "plugin_arguments": "undefined values are refused by tests and filters",
    "warnings_in_results": "a condition holds braces, which is warned of",
}
# Of these no alarm is better than a false one.
_NEVER_FALSE = {"undefined-variable", "undefined-on-host", "missing-file", "template-syntax"}


def _runs_well(name: str) -> bool:
    case = cases.load(name)
    if case.no_transcript:
        return all(case.exits.get(label) == 0 for label in case.runs)
    return all(case.expected(label).read_text().startswith("exit status 0\n") for label in case.runs)


def _options(args: list[str]) -> Iterator[str]:
    """The inventories, variables and vault passwords among a run's arguments."""
    words = iter(args)
    for word in words:
        if word in ("-i", "-e", "--extra-vars", "--vault-password-file", "--vault-id"):
            yield from (word, next(words))


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(name: str) -> tuple[int, list[dict[str, Any]]]:
        case = cases.load(name)
        work = tmp_path / "work"
        label = next(iter(case.runs))
        inventory = case.unpack(work, label)[-1][:2]
        monkeypatch.chdir(work)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("STELLA_HOME", str(tmp_path / "state"))
        for key, value in case.environment.items():
            monkeypatch.setenv(key, value)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = run_cli(["lint", *inventory, "playbook.yml", *_options(case.runs[label]), "--format", "json"])
        assert out.getvalue(), err.getvalue()
        return status, json.loads(out.getvalue())["findings"]

    return run


@pytest.mark.parametrize("name", [n for n in cases.names() if _runs_well(n) and n not in _FAULTY_ON_PURPOSE])
def test_no_false_alarm_in_what_runs_well(name: str, lint: Any) -> None:
    status, found = lint(name)
    alarms = [
        each
        for each in found
        if each["severity"] == "error" or (each["severity"] == "warning" and each["rule"] in _NEVER_FALSE)
    ]
    assert alarms == []
    assert status == 0


@pytest.mark.parametrize("name", [n for n in cases.names() if n.startswith("error_") and n not in _NOT_FOUND])
def test_the_fault_is_found(name: str, lint: Any) -> None:
    _, found = lint(name)
    assert [each for each in found if each["severity"] != "hint"], found
