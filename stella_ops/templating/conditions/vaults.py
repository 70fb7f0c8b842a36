"""What ansible-vault encrypted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.origins import VaultedText
from stella_ops.templating.lazy import plain_text
from stella_ops.vault.envelope import MARK, is_encrypted


def vault_encrypted(value: Any) -> bool:
    """Whether a value was written with ``!vault``; text that a filter encrypted does not count."""
    return isinstance(value, VaultedText)


def vaulted_file(value: Any) -> bool:
    """Whether a file of the controller is encrypted; an error where there is none."""
    try:
        with Path(plain_text(value)).expanduser().open("rb") as file:
            return is_encrypted(file.read(len(MARK)))
    except OSError as problem:
        raise TemplateError(f"Cannot test if the file '{value}' is a vault: {problem}") from None


CONDITIONS = {"vault_encrypted": vault_encrypted, "vaulted_file": vaulted_file}
