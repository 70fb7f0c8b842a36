"""Variable files: YAML (or JSON) mappings of names to values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin, load_yaml, origin_of
from stella_ops.playbook.inheritance import check_names
from stella_ops.playbook.keywords import spoken
from stella_ops.playbook.problems import Problems

_VAULT = "$ANSIBLE_VAULT;"


def load_vars_file(path: Path) -> dict[str, Any]:
    """The variables of a file; none for an empty one.

    Raises:
        PlaybookError: the file cannot be read, is encrypted, holds no mapping, or names no variable.
    """
    where = Origin(str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise PlaybookError(f"the file is not UTF-8 text (byte {problem.start})", where=where) from None
    except OSError as problem:
        raise PlaybookError(f"cannot read the variable file: {problem.strerror}", where=where) from None
    if text.startswith(_VAULT):
        raise PlaybookError(
            "files encrypted with ansible-vault are not supported yet",
            where=where,
            hint="decrypt it with 'ansible-vault view' into a file only you can read, and name that one",
        )
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
