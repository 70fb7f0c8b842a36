"""What is said here of ansible.builtin's plug-ins that are no templates' and no modules."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "builtin"


@functools.cache
def builtin_plugins(kind: str) -> Mapping[str, tuple[Path, dict[str, Any]]]:
    """The plug-ins of a kind by their short names: the files that tell of them, and what these say."""
    found = {}
    for path in sorted(_FOLDER.glob(f"{kind}*.yml")):
        if path.stem.partition("-")[0] == kind:
            found.update({name: (path, said) for name, said in _load(path).items()})
    return found


@functools.cache
def builtin_options(kind: str) -> Mapping[str, dict[str, Any]]:
    """The options of what is told of in its own source but for these, by short names."""
    path = _FOLDER / f"options-{kind}.yml"
    return _load(path) if path.is_file() else {}


def _load(path: Path) -> dict[str, dict[str, Any]]:
    import yaml

    loaded: dict[str, dict[str, Any]] = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return loaded
