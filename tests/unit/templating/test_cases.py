"""Filters, tests and lookups as data: each case is a template and its result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stella_ops.source_files import load_yaml_file
from stella_ops.templating.templar import Templar

FOLDER = Path(__file__).parent
DATA = load_yaml_file(FOLDER / "cases.yml")
COLLECTIONS = load_yaml_file(FOLDER / "collections.yml")
CASES = [(case, data["variables"]) for data in (DATA, COLLECTIONS) for case in data["cases"]]


@pytest.mark.parametrize(("case", "variables"), CASES, ids=[str(case["template"]) for case, _ in CASES])
def test_a_template_gives(case: dict[str, Any], variables: dict[str, Any]) -> None:
    made = Templar().render(case["template"], variables)
    assert json.dumps(made, sort_keys=True) == json.dumps(case["result"], sort_keys=True)
