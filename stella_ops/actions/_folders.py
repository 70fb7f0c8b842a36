"""What is below a folder of the controller, as it is copied to a host."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePath


@dataclass(slots=True)
class Listing:
    """What is below a folder; names are relative to it.

    Attributes:
        folders: by depth, the outer ones first; each level sorted.
        files: where each stands, and its name.
        links: what each says, and its name.
    """

    folders: list[list[PurePath]] = field(default_factory=list)
    files: list[tuple[Path, PurePath]] = field(default_factory=list)
    links: list[tuple[str, PurePath]] = field(default_factory=list)


def listing(source: Path, *, follow: bool) -> Listing:
    """List a folder.

    Args:
        follow: links to files and folders stand for these. One that leads nowhere, or to a folder that it is in
            itself, stays a link, as in ansible-core.

    Raises:
        OSError: a folder cannot be read.
    """
    found = Listing([[PurePath()]])
    _look_into(source, PurePath(), follow, frozenset({_identity(source)}), found)
    return found


def _look_into(folder: Path, below: PurePath, follow: bool, inside: frozenset[tuple[int, int]], found: Listing) -> None:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path, name = Path(entry.path), below / entry.name
        linked = entry.is_symlink()
        if linked and not (follow and (path.is_file() or (path.is_dir() and _identity(path) not in inside))):
            found.links.append((str(path.readlink()), name))
        elif entry.is_dir():
            if len(found.folders) <= len(name.parts):
                found.folders.append([])
            found.folders[len(name.parts)].append(name)
            _look_into(path, name, follow, inside | {_identity(path)}, found)
        else:
            found.files.append((path.resolve() if linked else path, name))


def _identity(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return seen.st_dev, seen.st_ino
