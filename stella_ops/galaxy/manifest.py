"""What a collection says of itself and of its files: ``galaxy.yml``, ``MANIFEST.json``, ``FILES.json``.

The forms are those of "Collection Galaxy metadata structure" in ansible-core's documentation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from stella_ops.collections.reference import is_collection
from stella_ops.errors import GalaxyError, StellaError
from stella_ops.source_files import load_yaml_file

NAMES = "namespace.name, of letters, digits and underscores, a letter first"
MANIFEST, FILES = "MANIFEST.json", "FILES.json"
_NEEDED = ("namespace", "name", "version", "authors", "readme")
_LISTS = ("authors", "license", "tags", "build_ignore")
_TEXTS = ("namespace", "name", "version", "readme", "description", "license_file", "repository", "documentation",
          "homepage", "issues")  # fmt: skip


class Entry(NamedTuple):
    """A file or folder of a collection: its path within, and a file's SHA-256."""

    name: str
    digest: str | None


class Manifest(NamedTuple):
    """What an archive or an installed collection says: ``info`` is its ``collection_info``."""

    info: Mapping[str, Any]
    files: Sequence[Entry]

    @property
    def name(self) -> str:
        """``namespace.name``."""
        return f"{self.info['namespace']}.{self.info['name']}"

    @property
    def version(self) -> str:
        """As it is written."""
        return str(self.info["version"])

    @property
    def dependencies(self) -> Mapping[str, str]:
        """Other collections by name, with the versions that will do."""
        found = self.info.get("dependencies") or {}
        return {str(name): str(version) for name, version in found.items()}


def digest(content: bytes) -> str:
    """The SHA-256 of a content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def parse(manifest: bytes, files: bytes, where: str | Path) -> Manifest:
    """The manifest that two files make; the second must be what the first says.

    Raises:
        GalaxyError: they are not what they ought to be.
    """
    said = _json(manifest, where, MANIFEST)
    info, listed = said.get("collection_info"), said.get("file_manifest_file")
    if not isinstance(info, Mapping) or not isinstance(listed, Mapping):
        raise GalaxyError(f"{MANIFEST} lacks 'collection_info' or 'file_manifest_file'", where=where)
    check_name(info, MANIFEST, where)
    if not isinstance(info.get("version"), str):
        raise GalaxyError(f"{MANIFEST} names no version", where=where)
    if listed.get("chksum_sha256") != digest(files):
        raise GalaxyError(f"{FILES} is not the one that {MANIFEST} was made with: its checksum differs", where=where)
    entries = _json(files, where, FILES).get("files")
    if not isinstance(entries, list):
        raise GalaxyError(f"{FILES} lists no files", where=where)
    return Manifest(info, [_entry(each, where) for each in entries])


def _json(content: bytes, where: str | Path, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise GalaxyError(f"{name} is no JSON object", where=where)
    return found


def _entry(said: Any, where: str | Path) -> Entry:
    name = said.get("name") if isinstance(said, Mapping) else None
    if not isinstance(name, str) or not inside(name):
        raise GalaxyError(f"{FILES} names a path that leads out of the collection: {name!r}", where=where)
    return Entry(name, said.get("chksum_sha256") if said.get("ftype") == "file" else None)


def check_name(said: Mapping[str, Any], file: str, where: str | Path) -> None:
    """Refuse what cannot be the name of a collection; its folder is called so.

    Args:
        said: with ``namespace`` and ``name``.

    Raises:
        GalaxyError: they are not names.
    """
    parts = [said.get("namespace"), said.get("name")]
    name = ".".join(map(str, parts))
    if not all(isinstance(part, str) for part in parts) or not is_collection(name):
        raise GalaxyError(f"{file}: '{name}' cannot be the name of a collection", where=where, hint=NAMES)


def inside(name: str) -> bool:
    """Whether a path stays where it is unpacked."""
    return not name.startswith("/") and "\0" not in name and ".." not in PurePosixPath(name).parts


def read_galaxy_yml(folder: Path) -> dict[str, Any]:
    """What ``galaxy.yml`` of a folder says, checked, with a value for each key that there is.

    Raises:
        GalaxyError: it is not there, or wrong.
    """
    path = folder / "galaxy.yml"
    if not path.is_file():
        raise GalaxyError(f"the collection galaxy.yml path '{path}' does not exist", hint=f"there is none in {folder}")
    try:
        said = load_yaml_file(path)
    except StellaError as problem:
        raise GalaxyError(problem.message, where=problem.where or path, hint=problem.hint) from None
    if not isinstance(said, Mapping):
        raise GalaxyError("galaxy.yml must be a mapping", where=path)
    missing = [key for key in _NEEDED if said.get(key) in (None, "", [])]
    if missing:
        raise GalaxyError(f"galaxy.yml lacks {', '.join(missing)}", where=path)
    check_name(said, "galaxy.yml", path)
    made: dict[str, Any] = {key: str(said[key]) if said.get(key) not in (None, "") else None for key in _TEXTS}
    for key in _LISTS:
        value = said.get(key) or []
        made[key] = [str(each) for each in (value if isinstance(value, list) else [value])]
    dependencies = said.get("dependencies") or {}
    if not isinstance(dependencies, Mapping):
        raise GalaxyError("'dependencies' must map names of collections to versions", where=path)
    made["dependencies"] = {str(name): str(version) for name, version in dependencies.items()}
    if said.get("manifest") not in (None, {}):
        raise GalaxyError(
            "'manifest' (directives of distlib) is not supported", where=path, hint="say it with build_ignore"
        )
    return made


def info_of(galaxy: Mapping[str, Any]) -> dict[str, Any]:
    """``collection_info`` of what ``read_galaxy_yml`` has read."""
    order = ("namespace", "name", "version", "authors", "readme", "tags", "description", "license", "license_file",
             "dependencies", "repository", "documentation", "homepage", "issues")  # fmt: skip
    return {key: galaxy[key] for key in order}


def written(info: Mapping[str, Any], entries: Sequence[Entry]) -> tuple[bytes, bytes]:
    """The contents of ``MANIFEST.json`` and ``FILES.json``."""
    files = [
        {
            "name": entry.name,
            "ftype": "dir" if entry.digest is None else "file",
            "chksum_type": None if entry.digest is None else "sha256",
            "chksum_sha256": entry.digest,
            "format": 1,
        }
        for entry in entries
    ]
    listed = json.dumps({"files": files, "format": 1}, indent=1).encode()
    manifest = {
        "collection_info": dict(info),
        "file_manifest_file": {
            "name": FILES,
            "ftype": "file",
            "chksum_type": "sha256",
            "chksum_sha256": digest(listed),
            "format": 1,
        },
        "format": 1,
    }
    return json.dumps(manifest, indent=1).encode(), listed
