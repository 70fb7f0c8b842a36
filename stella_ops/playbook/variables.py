"""Variable files: YAML (or JSON) mappings of names to values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin, origin_of
from stella_ops.playbook.keywords import spoken
from stella_ops.source_files import load_yaml, read_text


def load_vars_file(path: Path, *, whole: bool = False, what: str = "") -> dict[Any, Any]:
    """The variables of a file; none for an empty one.

    As with ansible-core any text may be a name: those that no template can say are read through ``vars``.

    Args:
        whole: keep keys that are no text, too: the file becomes the value of one variable.
        what: the file as an error is to call it.

    Raises:
        PlaybookError: the file cannot be read or decrypted, or holds no mapping.
    """
    where = Origin(str(path))
    text = read_text(path, error=PlaybookError, what="the variable file")
    loaded = load_yaml(text, str(path), error=PlaybookError)
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        wanted = f"{path.name} must be stored as a dictionary/hash"
        if what:
            wanted = f"{what} must contain a dictionary of variables"
        said = f"{wanted}: it must be a mapping of names to values, not {spoken(loaded)}"
        raise PlaybookError(said, where=origin_of(loaded, where))
    return loaded if whole else {name: value for name, value in loaded.items() if isinstance(name, str)}


def first_file(names: list[str], folder: Path, loaded: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The variables of the first of some alternative files that is there; None where none is.

    Args:
        folder: of the playbook; its folder ``vars`` comes first.
        loaded: what was read before; added to.

    Raises:
        PlaybookError: it holds no variables.
    """
    for name in names:
        for path in (folder / "vars" / Path(name).expanduser(), folder / Path(name).expanduser()):
            key = str(path)
            if key in loaded:
                return loaded[key]
            if path.is_file():
                loaded[key] = load_vars_file(path)
                return loaded[key]
    return None
