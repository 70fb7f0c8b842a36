"""Finds what ships with stella-ops and what users lay beside their playbooks: modules, playbooks, templates.

A user's own folder comes first. In an installed wheel the built-in folders lie below ``stella_ops/_content``;
in a checkout they are the folders at its top.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path


@functools.cache
def builtin_folder(kind: str) -> Path:
    """The built-in folder of a kind: ``modules``, ``playbooks`` or ``templates``."""
    here = Path(__file__).parent
    packed = here / "_content" / kind
    return packed if packed.is_dir() else here.parent / kind


def find_content(kind: str, name: str, extra: Iterable[Path] = ()) -> Path | None:
    """The file ``name`` of a kind: from the ``extra`` folders in their order, then the built-in one."""
    for folder in (*extra, builtin_folder(kind)):
        path = folder / name
        if path.is_file():
            return path
    return None


def module_path(name: str, extra: Sequence[Path] = ()) -> Path | None:
    """The source file of a module, by its short name; checks of the doctor are ``doctor/<name>``."""
    return find_content("modules", f"{name}.py", extra)


def module_names(extra: Sequence[Path] = ()) -> list[str]:
    """The names of all modules that can be found, sorted."""
    return sorted({p.stem for folder in (*extra, builtin_folder("modules")) for p in folder.glob("*.py")})
