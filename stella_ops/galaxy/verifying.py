"""Compares an installed collection with its own manifest (``galaxy collection verify --offline``)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from stella_ops.errors import GalaxyError
from stella_ops.galaxy.building import entries_of
from stella_ops.galaxy.manifest import FILES, MANIFEST, Manifest, digest, parse


class Verdict(NamedTuple):
    """What was found: files that differ, that are missing, that nothing lists; ``seal`` is the manifest's SHA-256."""

    manifest: Manifest
    seal: str
    changed: list[str]
    missing: list[str]
    unknown: list[str]


def verify(folder: Path) -> Verdict:
    """Compare the files of a collection with what they were when it was installed.

    Raises:
        GalaxyError: it has no manifest, or that is not what it was.
    """
    try:
        manifest, files = (folder / MANIFEST).read_bytes(), (folder / FILES).read_bytes()
    except OSError:
        raise GalaxyError(
            f"it has no {MANIFEST}, and cannot be verified", where=folder, hint="it was not installed from an archive"
        ) from None
    said = parse(manifest, files, folder)
    listed = {entry.name for entry in said.files}
    changed, missing = [], []
    for entry in said.files:
        path = folder / entry.name
        if entry.digest is None:
            if not path.is_dir():
                missing.append(entry.name)
        elif not path.is_file():
            missing.append(entry.name)
        elif digest(path.read_bytes()) != entry.digest:
            changed.append(entry.name)
    unknown = [entry.name for entry, _ in entries_of(folder) if entry.name not in listed]
    return Verdict(said, digest(manifest), changed, missing, unknown)
