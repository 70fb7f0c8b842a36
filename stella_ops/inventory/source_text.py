"""Reads the text of an inventory source or variable file, and says clearly when it cannot."""

from __future__ import annotations

from pathlib import Path

from stella_ops.errors import InventoryError
from stella_ops.origins import Origin


def read_source(path: Path) -> str:
    """The text of a file.

    Raises:
        InventoryError: it cannot be read, is not UTF-8, or is encrypted by Ansible's vault.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InventoryError(f"the file is not UTF-8 text (byte {problem.start})", where=path) from None
    except OSError as problem:
        raise InventoryError(f"cannot read the file: {problem.strerror}", where=path) from None
    if text.startswith("$ANSIBLE_VAULT"):
        raise InventoryError(
            "the file is encrypted with ansible-vault: vault is not supported yet",
            where=Origin(str(path), 1),
            hint="decrypt it, or give its values with -e @FILE from a file that only you can read",
        )
    return text
