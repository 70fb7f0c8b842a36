from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stella_ops.origins import Origin, SourceText
from stella_ops.source_files import load_yaml
from stella_ops.templating.templar import Templar

PLACE = Origin("site.yml", 9, 5)


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Any]:
    """Renders a text with variables written as YAML (or given as they are)."""

    def with_variables(text: str, variables: str | Mapping[str, Any] = "", **more: Any) -> Any:
        loaded = load_yaml(variables, "vars.yml") or {} if isinstance(variables, str) else variables
        return Templar(search_path=[tmp_path]).render(SourceText(text, PLACE), {**loaded, **more})

    return with_variables


@pytest.fixture
def holds(tmp_path: Path) -> Callable[..., bool]:
    """Evaluates a condition with variables written as YAML."""

    def with_variables(text: str, variables: str = "", **more: Any) -> bool:
        loaded = load_yaml(variables, "vars.yml") or {}
        return Templar(search_path=[tmp_path]).evaluate(SourceText(text, PLACE), {**loaded, **more})

    return with_variables
