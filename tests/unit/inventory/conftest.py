"""Inventories of a few lines, written where the test says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from stella_ops.inventory.loader import load_inventory
from stella_ops.inventory.model import Inventory


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """``write("inv/hosts.yml", text)``: a file below the test's folder."""

    def _write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return _write


@pytest.fixture
def ini(write: Callable[..., Path]) -> Callable[[str], Inventory]:
    """An inventory of INI text."""
    return lambda text: load_inventory([write("hosts.ini", text)])


@pytest.fixture
def yml(write: Callable[..., Path]) -> Callable[[str], Inventory]:
    """An inventory of YAML text."""
    return lambda text: load_inventory([write("hosts.yml", text)])
