"""Variable files: YAML (or JSON) mappings of names to values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin, origin_of
from stella_ops.playbook.inheritance import check_names
from stella_ops.playbook.keywords import spoken
from stella_ops.playbook.problems import Problems
from stella_ops.source_files import load_yaml, read_text


def load_vars_file(path: Path) -> dict[str, Any]:
    """The variables of a file; none for an empty one.

    Raises:
        PlaybookError: the file cannot be read or decrypted, holds no mapping, or names no variable.
    """
    where = Origin(str(path))
    text = read_text(path, error=PlaybookError, what="the variable file")
    loaded = load_yaml(text, str(path), error=PlaybookError)
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise PlaybookError(
            f"a variable file must be a mapping of names to values, not {spoken(loaded)}",
            where=origin_of(loaded, where),
        )
    problems = Problems()
    check_names(loaded, where, problems)
    problems.raise_any()
    return loaded
