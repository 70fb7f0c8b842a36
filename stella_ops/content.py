"""Finds what ships with stella-ops and what users lay beside their playbooks: modules, playbooks, templates.

A user's own folder comes first. In an installed wheel the built-in folders lie below ``stella_ops/_content``;
in a checkout they are the folders at its top.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from stella_ops.collections.installed import NO_MODULES


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
    """The source file of a module, by its canonical name; checks of the doctor are ``doctor/<name>``.

    Raises:
        CollectionError: see ``collections.resolving.follow``; of those whose name has dots.
    """
    if "." in name:
        from stella_ops.collections import current
        from stella_ops.collections.resolving import module

        collected = module(current(), name)
        return None if collected is None else collected[1]
    for folder in extra:
        path = folder / f"{name}.py"
        if path.is_file():
            return path
        found = _modules_in(folder, folder.stat().st_mtime_ns).get(name) if folder.is_dir() else None
        if found is not None:
            return found
    return find_content("modules", f"{name}.py")


def module_names(extra: Sequence[Path] = ()) -> list[str]:
    """The names of all modules that can be found, sorted."""
    names = {name for folder in extra if folder.is_dir() for name in _modules_in(folder, folder.stat().st_mtime_ns)}
    return sorted(names | {path.stem for path in builtin_folder("modules").glob("*.py")})


@functools.lru_cache(maxsize=256)
def _modules_in(folder: Path, _changed: int) -> Mapping[str, Path]:
    """Modules of a folder by name. Those for ansible-core may be programs of any kind, and lie in folders below."""
    found: dict[str, Path] = {}
    places = [folder] if folder.name == "modules" else [folder, *sorted(p for p in folder.rglob("*") if p.is_dir())]
    for place in places:
        if place.name.startswith((".", "__")):
            continue
        # Python before others of the same name.
        for path in sorted(place.iterdir(), key=lambda p: (p.suffix != ".py", p.name)):
            if path.suffix not in NO_MODULES and not path.name.startswith((".", "__")) and path.is_file():
                found.setdefault(path.stem, path)
    return found
