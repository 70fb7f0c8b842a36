"""Reads the text of an inventory source or variable file, and says clearly when it cannot."""

from __future__ import annotations

from pathlib import Path

from stella_ops.errors import InventoryError
from stella_ops.source_files import read_text


def read_source(path: Path) -> str:
    """The text of a file, decrypted where ansible-vault encrypted it.

    Raises:
        InventoryError: it cannot be read or decrypted, or is not UTF-8.
    """
    return read_text(path, error=InventoryError)
