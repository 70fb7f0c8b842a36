"""What ansible-core makes of templates, recorded by ``record.py``, is what stella-ops makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stella_ops.engine import plugins
from stella_ops.errors import TemplateError
from stella_ops.source_files import load_yaml_file
from stella_ops.templating.plugins import folders
from stella_ops.templating.templar import Templar

FOLDER = Path(__file__).parent
DATA = load_yaml_file(FOLDER / "recorded.yml")


@pytest.fixture(autouse=True)
def _a_run() -> Iterator[None]:
    plugins.start()
    yield
    folders.forget()


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: str(case["template"]))
def test_a_template_gives_what_was_recorded(case: dict[str, Any]) -> None:
    templar = Templar(search_path=[FOLDER])
    if case.get("error"):
        with pytest.raises(TemplateError):
            templar.render(case["template"], DATA["variables"])
        return
    made = templar.render(case["template"], DATA["variables"])
    assert json.dumps(made, sort_keys=True) == json.dumps(case["result"], sort_keys=True)
