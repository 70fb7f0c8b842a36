"""Finds collections, and in them plug-ins, roles and playbooks.

They lie in ``ansible_collections/NAMESPACE/NAME`` below ``collections/`` beside the playbook, below the configured
folders, and below the folders that Python imports from. Of several of one name the first counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stella_ops.ansible_settings.defaults import default_of
from stella_ops.collections.notices import Notice, hear
from stella_ops.collections.reference import BUILTIN, Reference, is_collection, parse
from stella_ops.collections.runtime import Runtime, load_plain, read_runtime
from stella_ops.errors import CollectionError

# Endings of what may lie among modules and is none.
NO_MODULES = frozenset((*default_of("MODULE_IGNORE_EXTS"), ".json", ".cfg", ".orig"))
_PLAYBOOKS = (".yml", ".yaml", ".json")


@dataclass(eq=False)
class Collection:
    """One collection."""

    name: str
    folder: Path
    runtime: Runtime = field(default_factory=Runtime)

    def plugin_folder(self, kind: str, folders: Iterable[str] = ()) -> Path:
        """The folder of a kind of plug-in: ``modules``, ``filter`` …"""
        return self.folder.joinpath("plugins", kind, *folders)

    def plugin(self, kind: str, reference: Reference) -> Path | None:
        """The file of a plug-in that is named as its file is."""
        folder = self.plugin_folder(kind, reference.folders)
        plain = folder / f"{reference.name}.py"
        if kind != "modules":
            return plain if plain.is_file() else None
        windows = folder / f"{reference.name}.ps1"  # whose documentation is a file in Python beside it
        for path in (windows, plain, folder / reference.name):
            if path.is_file():
                return path
        found = sorted(path for path in folder.glob(f"{reference.name}.*") if path.suffix not in NO_MODULES)
        return next((path for path in found if path.is_file()), None)

    def redirected_import(self, module: str) -> str | None:
        """The Python module that answers in the place of one of this collection; None where it answers itself.

        Args:
            module: its full name, ``ansible_collections.…``.
        """
        parts = module.split(".")
        written = self.runtime.imports.get(module)
        if written is None and parts[3:4] == ["plugins"] and len(parts) > 5:
            written = self.runtime.of(parts[4], ".".join(parts[5:])).redirect
        if written is None or written == module:
            return None
        if written.startswith(("ansible_collections.", "ansible.module_utils.")):
            return written
        namespace, collection, *rest = written.split(".")
        return ".".join(["ansible_collections", namespace, collection, "plugins", parts[4], *rest])

    def version(self) -> str | None:
        """Its version, as it was installed."""
        manifest = load_plain(self.folder / "MANIFEST.json")
        about = (manifest or {}).get("collection_info") or load_plain(self.folder / "galaxy.yml") or {}
        return str(about["version"]) if isinstance(about, dict) and about.get("version") else None


def _in_folder(root: Path) -> Iterator[tuple[str, Path]]:
    """The collections in a folder ``ansible_collections``, sorted: name and folder."""
    for folder in sorted(root.glob("*/*")):
        name = f"{folder.parent.name}.{folder.name}"
        if folder.is_dir() and is_collection(name):
            yield name, folder


class Collections:
    """The collections of a run.

    Args:
        beside: folders of playbooks.
        configured: folders that hold an ``ansible_collections``.
        scan: folders of Python's, which may hold one as well.
        core: the version of ansible-core whose language is spoken, for what collections ask.
        mismatch: what comes of a collection that asks for another one: ``warning``, ``error`` or ``ignore``.
    """

    def __init__(
        self,
        beside: Iterable[Path] = (),
        configured: Iterable[Path] = (),
        scan: Iterable[Path] = (),
        *,
        core: str = "2.19.0",
        mismatch: str = "warning",
    ) -> None:
        self._beside = [folder / "collections" for folder in beside]
        self._configured = [*configured, *scan]
        self._shown = [*configured]
        self._core = core
        self._mismatch = mismatch
        self._roots: tuple[Path, ...] | None = None
        self._known: dict[str, Collection | None] = {}
        self._notices: dict[Notice, None] = {}
        self._said: set[Notice] = set()
        self._listener: Callable[[Notice], None] | None = None

    # -- what is said

    def say(self, text: str, *, deprecated: bool = False) -> None:
        """Tell the operator something, once."""
        self.tell(Notice(text, deprecated))

    def tell(self, notice: Notice) -> None:
        """As ``say``; where a task runs, its result tells it, too."""
        hear(notice)
        if notice in self._said:
            return
        self._said.add(notice)
        if self._listener is None:
            self._notices[notice] = None
        else:
            self._listener(notice)

    @property
    def heard(self) -> bool:
        """Whether somebody listens to what is said."""
        return self._listener is not None

    def listen(self, listener: Callable[[Notice], None] | None) -> None:
        """Give what was said so far, and what will be, to somebody; with None, keep it until somebody listens."""
        self._listener = listener
        if listener is not None:
            waiting, self._notices = list(self._notices), {}
            for notice in waiting:
                listener(notice)

    def take_over(self, other: Collections) -> None:
        """Take what others have said and nobody has heard."""
        waiting, other._notices = list(other._notices), {}
        for notice in waiting:
            self.tell(notice)

    # -- where they lie

    def add_beside(self, folder: Path) -> None:
        """Look beside another playbook, too."""
        place = folder / "collections"
        if place not in self._beside:
            self._beside.append(place)
            self._roots = None
            self._known = {name: found for name, found in self._known.items() if found is not None}

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders ``ansible_collections`` that there are, the first to look in first."""
        if self._roots is None:
            found: dict[Path, None] = {}
            for place in (*self._beside, *self._configured):
                root = place if place.name == "ansible_collections" else place / "ansible_collections"
                if root.is_dir():
                    found.setdefault(root.absolute())
            self._roots = tuple(found)
        return self._roots

    def searched(self) -> str:
        """Where it was looked, for a hint."""
        named = (*self._beside, *self._shown)
        others = [root for root in self.roots if root.parent not in named and root not in named]
        return ", ".join(dict.fromkeys(str(place) for place in (*named, *others)))

    def names(self) -> Iterator[str]:
        """The names of all collections that are installed, sorted."""
        return iter(sorted({name for root in self.roots for name, _ in _in_folder(root)}))

    def by_folder(self, name: str | None = None) -> dict[Path, dict[str, str | None]]:
        """All collections that are installed, hidden ones included: by folder and name, their versions.

        Args:
            name: only those of this name.
        """
        found: dict[Path, dict[str, str | None]] = {}
        for root in self.roots:
            named = [(each, folder) for each, folder in _in_folder(root) if name in (None, each)]
            if named:
                found[root] = {each: Collection("", folder).version() for each, folder in named}
        return found

    def get(self, name: str) -> Collection | None:
        """The collection of a name; None where it is not installed.

        Raises:
            CollectionError: its ``meta/runtime.yml`` cannot be read, or it is not for this ansible-core.
        """
        if name not in self._known:
            self._known[name] = self._load(name) if is_collection(name) and name not in BUILTIN else None
        return self._known[name]

    def _load(self, name: str) -> Collection | None:
        relative = name.replace(".", os.sep)
        folder = next((root / relative for root in self.roots if (root / relative).is_dir()), None)
        if folder is None:
            return None
        found = Collection(name, folder, read_runtime(folder))
        self._check_version(found)
        return found

    def _check_version(self, found: Collection) -> None:
        wanted = found.runtime.requires
        if not wanted or self._mismatch == "ignore":
            return
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        try:
            if SpecifierSet(wanted).contains(self._core, prereleases=True):
                return
        except InvalidSpecifier:
            self.say(f"Collection {found.name}: requires_ansible in its meta/runtime.yml is no version: {wanted}")
            return
        text = f"Collection {found.name} does not support Ansible version {self._core}"
        if self._mismatch == "error":
            raise CollectionError(text, where=found.folder, hint=f"it asks for ansible-core {wanted}")
        self.say(text)

    def of_path(self, path: Path) -> Collection | None:
        """The collection that a file or folder lies in."""
        parts = path.absolute().parts
        if "ansible_collections" not in parts:
            return None
        at = parts.index("ansible_collections")
        if len(parts) < at + 3:
            return None
        found = self.get(f"{parts[at + 1]}.{parts[at + 2]}")
        here = Path(*parts[: at + 3])
        return found if found is not None and found.folder in (here, here.resolve()) else None

    # -- what is in them

    def role(self, name: str) -> tuple[Collection, Path] | None:
        """The collection and folder of a role by its full name."""
        reference = parse(name)
        found = self.get(reference.collection) if reference else None
        if reference is None or found is None:
            return None
        folder = found.folder.joinpath("roles", *reference.folders, reference.name)
        return (found, folder) if folder.is_dir() else None

    def playbook(self, name: str) -> Path | None:
        """The file of a playbook by its full name, with or without its ending."""
        ending = next((each for each in _PLAYBOOKS if name.endswith(each)), "")
        reference = parse(name.removesuffix(ending))
        found = self.get(reference.collection) if reference else None
        if reference is None or found is None:
            return None
        folder = found.folder.joinpath("playbooks", *reference.folders)
        names = [f"{reference.name}{each}" for each in ([ending] if ending else ["", *_PLAYBOOKS])]
        return next((folder / each for each in names if (folder / each).is_file()), None)


_current: Collections | None = None


def current() -> Collections:
    """Those that are in use; where nobody has said which, those of the environment."""
    global _current
    if _current is None:
        _current = Collections(configured=configured_folders(os.environ), scan=python_folders())
    return _current


def use(collections: Collections | None) -> None:
    """Use others from now on; what was said and nobody has heard yet goes along."""
    global _current
    if _current is not None and collections is not None:
        collections.take_over(_current)
    _current = collections


def configured_folders(environ: dict[str, str] | os._Environ[str]) -> list[Path]:
    """The folders that the environment names, else the usual ones."""
    named = (
        environ.get("ANSIBLE_COLLECTIONS_PATH")
        or environ.get("ANSIBLE_COLLECTIONS_PATHS")
        or ":".join(default_of("COLLECTIONS_PATHS", environ))
    )
    return [Path(part).expanduser() for part in named.split(":") if part]


def python_folders() -> list[Path]:
    """The folders that Python imports from."""
    return [Path(part) for part in sys.path if part]
