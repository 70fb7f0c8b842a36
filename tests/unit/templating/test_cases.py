"""Filters, tests and lookups as data: each case of ``cases.yml`` is a template and its result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stella_ops.origins import load_yaml_file
from stella_ops.templating.templar import Templar

DATA = load_yaml_file(Path(__file__).parent / "cases.yml")


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: str(case["template"]))
def test_a_template_gives(case: dict[str, Any]) -> None:
    made = Templar().render(case["template"], DATA["variables"])
    assert json.dumps(made, sort_keys=True) == json.dumps(case["result"], sort_keys=True)
