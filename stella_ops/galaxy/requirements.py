"""What is to be installed, as command lines and ``requirements.yml`` say it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops.errors import GalaxyError, StellaError
from stella_ops.source_files import load_yaml_file

KINDS = ("file", "dir", "subdirs", "git", "url", "galaxy")
_ARCHIVES = (".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz")


class Wanted(NamedTuple):
    """A collection or role.

    Attributes:
        source: a path, an address, or the name on a server.
        kind: one of ``KINDS``; a server's is ``galaxy``.
        version: a branch, tag or commit of a repository; which versions will do, on a server; None for any.
        name: what a role is to be called here; None for what its source is called.
        fragment: the folder within a repository.
    """

    source: str
    kind: str
    version: str | None = None
    name: str | None = None
    fragment: str | None = None


class Requirements(NamedTuple):
    """What a file says."""

    roles: list[Wanted]
    collections: list[Wanted]


def kind_of(source: str) -> str:
    """What a source is, where nothing says so."""
    if source.startswith(("git+", "git@")) or source.endswith(".git"):
        return "git"
    if source.startswith(("http://", "https://")):
        return "url"
    path = Path(source).expanduser()
    if path.is_dir() and ("/" in source or source.startswith((".", "~"))):
        return "dir" if (path / "galaxy.yml").is_file() or (path / "MANIFEST.json").is_file() else "subdirs"
    if path.is_file() or source.endswith(_ARCHIVES):
        return "file"
    return "galaxy"


def wanted_collection(word: str) -> Wanted:
    """A collection of a command line: ``ns.name``, ``ns.name:1.0.0``, a path, an address, ``git+ADDRESS,VERSION``."""
    kind = kind_of(word.partition(",")[0] if word.startswith(("git+", "git@")) else word)
    if kind == "git":
        address, _, version = word.partition(",")
        return _repository(address, version or None)
    if kind == "galaxy" and "/" not in word:
        name, _, version = word.partition(":")
        return Wanted(name, kind, None if version in ("", "*") else version)
    return Wanted(word, kind)


def wanted_role(word: str) -> Wanted:
    """A role of a command line: ``SOURCE[,VERSION[,NAME]]``."""
    source, *more = word.split(",")
    if len(more) > 2:
        raise GalaxyError(f"'{word}' is no role", hint="source[,version[,name]]")
    version, name = [*more, None, None][:2]
    return _role(source, version or None, name or None)


def read_requirements(path: Path) -> Requirements:
    """What a ``requirements.yml`` says: roles in a list, or ``roles`` and ``collections``.

    Raises:
        GalaxyError: it is not there, or an entry is not what one can be; with its place.
    """
    try:
        said = load_yaml_file(path)
    except StellaError as problem:
        raise GalaxyError(problem.message, where=problem.where or path, hint=problem.hint) from None
    except OSError:
        raise GalaxyError(f"The requirements file '{path}' does not exist.") from None
    if said is None:
        raise GalaxyError(f"No requirements found in file '{path}'")
    if isinstance(said, list):
        return Requirements([_listed_role(each, path) for each in said], [])
    if not isinstance(said, Mapping) or not {"roles", "collections"}.intersection(said):
        raise GalaxyError(
            f"Expecting requirements yaml to be a list or a mapping with 'roles' or 'collections': {path}",
            hint="collections: [ns.name]",
        )
    unknown = sorted(map(str, set(said).difference(("roles", "collections"))))
    if unknown:
        raise GalaxyError(f"Expecting only 'roles' and/or 'collections' as base keys in {path}. Found: {unknown}")
    return Requirements(
        [_listed_role(each, path) for each in said.get("roles") or []],
        [_listed_collection(each, path) for each in said.get("collections") or []],
    )


def _listed_collection(said: Any, path: Path) -> Wanted:
    if isinstance(said, str):
        return _beside(wanted_collection(str(said)), path)
    if not isinstance(said, Mapping) or not said.get("name"):
        raise GalaxyError(f"Collections requirement entry should contain the key name: {said!r}", where=path)
    name, source = str(said["name"]), said.get("source")
    version = None if said.get("version") in (None, "*") else str(said["version"])
    kind = str(said.get("type") or kind_of(str(source) if source and kind_of(name) == "galaxy" else name))
    if kind not in KINDS:
        raise GalaxyError(
            f"The collection requirement entry key 'type' must be one of {', '.join(KINDS)}, not '{kind}'", where=path
        )
    if kind == "galaxy":
        return Wanted(name, kind, version)
    address = str(source) if source and kind_of(name) == "galaxy" else name
    return _beside(_repository(address, version) if kind == "git" else Wanted(address, kind, version), path)


def _listed_role(said: Any, path: Path) -> Wanted:
    if isinstance(said, str):
        return _beside(wanted_role(str(said)), path)
    source = said.get("src") or said.get("role") or said.get("name") if isinstance(said, Mapping) else None
    if not isinstance(source, str):
        raise GalaxyError(f"Must specify name or src for role: {said!r}", where=path)
    parts = [str(said[key]) if said.get(key) not in (None, "") else None for key in ("version", "name", "scm")]
    if "," in source:
        made = wanted_role(source)
        return _beside(made._replace(version=parts[0] or made.version, name=parts[1] or made.name), path)
    return _beside(_role(str(source), parts[0], parts[1] if said.get("src") else None, parts[2], path), path)


def _role(
    source: str, version: str | None, name: str | None, scm: str | None = None, path: Path | None = None
) -> Wanted:
    if scm not in (None, "git"):
        raise GalaxyError(f"roles cannot be fetched by '{scm}': {source}", where=path, hint="git is what there is")
    kind = "git" if scm == "git" else kind_of(source)
    if kind == "git":
        made = _repository(source, version)
        plain = made.source.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return made._replace(name=name or plain, fragment=None)
    if kind in ("dir", "subdirs"):
        kind = "dir"
    plain = source.rstrip("/").rpartition("/")[2]
    return Wanted(source, kind, version, name or plain)


def _repository(address: str, version: str | None) -> Wanted:
    address, _, fragment = address.removeprefix("git+").partition("#")
    fragment, _, of_fragment = fragment.partition(",")
    return Wanted(address, "git", version or of_fragment or None, fragment=fragment.strip("/") or None)


def _beside(wanted: Wanted, path: Path) -> Wanted:
    """Paths that a file names are seen from where it is called, as with ansible-galaxy; else from beside it."""
    if wanted.kind not in ("file", "dir", "subdirs") and not (wanted.kind == "galaxy" and "/" in wanted.source):
        return wanted
    here = Path(wanted.source).expanduser()
    other = path.parent / here
    if here.exists() or not other.exists():
        return wanted
    kind = wanted.kind if wanted.kind != "galaxy" else kind_of(str(other.absolute()))
    return wanted._replace(source=str(other.absolute()), kind=kind)
