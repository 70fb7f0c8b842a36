"""What ansible-vault itself encrypted, and passwords for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stella_ops.vault.keyring import Keyring, Secret, current, take_up

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture(scope="session")
def recorded() -> dict[str, Any]:
    """``recorded/recorded.yml``: passwords by vault id, and what each file holds."""
    found: dict[str, Any] = yaml.safe_load((RECORDED / "recorded.yml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="session")
def folder() -> Path:
    """The folder of what was recorded."""
    return RECORDED


@pytest.fixture
def both(recorded: dict[str, Any]) -> Iterator[Keyring]:
    """A keyring with every recorded password, in use."""
    keyring = Keyring([Secret(name, text.encode()) for name, text in recorded["passwords"].items()])
    before = current()
    take_up(keyring)
    yield keyring
    take_up(before)
