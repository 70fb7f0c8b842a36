"""Which modules and plug-ins there are, and in which files; nothing but filters and tests is run for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stella_ops.collections import Collections
from stella_ops.collections.installed import NO_MODULES, Collection
from stella_ops.collections.moved import moved_to
from stella_ops.collections.reference import BUILTIN, Reference, parse
from stella_ops.collections.resolving import follow
from stella_ops.plugin_docs import ours

_NAMED_INSIDE = ("filter", "test")  # a file of these may bring several, under any names
_NO_PLUGINS = frozenset(
    ("COPYING", "CONTRIBUTING", "LICENSE", "README", "VERSION", "GUIDELINES", "MANIFEST", "Makefile")
)
_LEGACY = "ansible.legacy"


class Located(NamedTuple):
    """A plug-in that was found.

    Attributes:
        name: the full one, the short one of what is in no collection.
        collection: its name; empty for none.
        path: of the file that brings it; None for what is Jinja2's own.
        built_in: it is one of those of ``ours``.
    """

    kind: str
    name: str
    collection: str
    path: Path | None
    built_in: bool = False

    @property
    def short(self) -> str:
        """The name within its collection."""
        return self.name.removeprefix(f"{self.collection}.") if self.collection else self.name


class Catalogue:
    """What is installed, configured and built in.

    Args:
        beside: the folder of playbooks whose own plug-ins count, if any.
        named: folders to look in for all kinds (``--module-path``).
        configured: the folders that settings name for a kind.
        modules_here: folders of modules besides, for our own command.
    """

    def __init__(
        self,
        collections: Collections,
        beside: Path | None,
        named: Sequence[Path],
        configured: Callable[[str], Sequence[Path]],
        modules_here: Sequence[Path] = (),
    ) -> None:
        self.collections = collections
        self._beside = beside
        self._named = named
        self._configured = configured
        self._modules_here = modules_here

    def folders(self, kind: str) -> list[Path]:
        """The folders of plug-ins that are in no collection, the first to look in first."""
        found = list(self._named)
        if self._beside is not None:
            found.append(self._beside / ("library" if kind == "module" else f"{kind}_plugins"))
        if kind == "module":
            found += self._modules_here
        found += self._configured(kind)
        return [folder for folder in dict.fromkeys(found) if folder.is_dir()]

    # -- lists

    def listed(self, kind: str, only: Sequence[str] = ()) -> dict[str, Located]:
        """All plug-ins of a kind, or those of some collections, by their full names.

        Raises:
            LookupError: there is no such collection.
        """
        found: dict[str, Located] = {}
        if not only or _LEGACY in only:
            found.update((each.name, each) for each in self._legacy(kind))
        if not only or set(only) & set(BUILTIN):
            found.update((f"ansible.builtin.{name}", self._own(kind, name)) for name in ours.names(kind))
        for name in only or self.collections.names():
            if name in BUILTIN:
                continue
            collection = self.collections.get(name)
            if collection is None:
                raise LookupError(name)
            found.update((each.name, each) for each in self._in_collection(kind, collection))
        return dict(sorted(found.items()))

    def _legacy(self, kind: str) -> Iterator[Located]:
        for folder in self.folders(kind):
            for path, parts in _files(folder, kind, into=False):
                for name in () if ours.is_ours(path) else self._names(kind, path, None, parts):
                    yield Located(kind, ".".join((_LEGACY, *parts, name)), _LEGACY, path)

    def _in_collection(self, kind: str, collection: Collection) -> Iterator[Located]:
        folder = collection.plugin_folder(_folder_name(kind))
        for path, parts in _files(folder, kind, into=True):
            for name in self._names(kind, path, collection, parts):
                yield Located(kind, ".".join((collection.name, *parts, name)), collection.name, path)

    def _names(self, kind: str, path: Path, collection: Collection | None, parts: tuple[str, ...]) -> list[str]:
        if kind not in _NAMED_INSIDE:
            return [path.stem]
        from stella_ops.templating.plugins.collected import names_in_file

        prefix = f"{collection.name}." if collection else ""
        return [name.removeprefix(prefix) for name in names_in_file(kind, path, collection, parts)]

    # -- one

    def find(self, kind: str, name: str) -> Located | None:
        """A plug-in by its short or full name.

        Raises:
            CollectionError: its collection says that it is gone.
        """
        reference = parse(name)
        if reference is None or reference.collection in BUILTIN:
            short = name if reference is None else reference.inside
            if reference is None or reference.collection == _LEGACY:
                path = self._file_of(kind, short)
                if path is not None:
                    return Located(kind, short, "", path)
            if ours.has(kind, short):
                return self._own(kind, short)
            moved = moved_to(_folder_name(kind), short)
            return None if moved is None else self.find(kind, moved)
        followed = follow(self.collections, _folder_name(kind), name)
        if followed is None:
            return None
        if followed.collection is None:
            return self.find(kind, followed.name)
        path = self._path_in(kind, followed.collection, followed.reference)
        return None if path is None else Located(kind, followed.name, followed.collection.name, path)

    def _own(self, kind: str, short: str) -> Located:
        full = ours.full_name(kind, short)
        return Located(kind, full, full.rpartition(".")[0], ours.path(kind, short), built_in=True)

    def _file_of(self, kind: str, name: str) -> Path | None:
        for folder in self.folders(kind):
            files = [(path, parts) for path, parts in _files(folder, kind, into=False) if not ours.is_ours(path)]
            found = next((path for path, parts in files if path.stem == name and not parts), None)
            if found is None and kind in _NAMED_INSIDE:
                found = next((path for path, parts in files if name in self._names(kind, path, None, parts)), None)
            if found is not None:
                return found
        return None

    def _path_in(self, kind: str, collection: Collection, reference: Reference) -> Path | None:
        path = collection.plugin(_folder_name(kind), reference)
        if path is not None or kind not in _NAMED_INSIDE:
            return path
        folder = collection.plugin_folder(kind, reference.folders)
        for each, parts in _files(folder, kind, into=False):
            if not parts and reference.name in self._names(kind, each, collection, reference.folders):
                return each
        return None


def _folder_name(kind: str) -> str:
    """As the folders of collections are called."""
    return "modules" if kind == "module" else kind


def _files(
    folder: Path, kind: str, *, into: bool, parts: tuple[str, ...] = ()
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The files of plug-ins below a folder, and the names of the folders between.

    Args:
        into: all folders; otherwise only those that are packages of Python.
    """
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__")):
            continue
        if path.is_dir():
            if into or (path / "__init__.py").exists():
                yield from _files(path, kind, into=into, parts=(*parts, path.name))
        elif _may_be(path) and (kind == "module" or path.suffix == ".py"):
            yield path, parts


def _may_be(path: Path) -> bool:
    """Whether a file may be that of a module or plug-in; links are other names of what is there, too."""
    named = path.stem not in _NO_PLUGINS and path.suffix not in NO_MODULES and not path.name.endswith("~")
    return named and not path.is_symlink()
