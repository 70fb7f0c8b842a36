"""Answers imports that plug-ins make here: ``ansible_collections.…``, and ``ansible.module_utils.…``.

The first are files of installed collections: namespaces spread over several folders, a collection is where it is
found first (as ansible-core's documentation says, "Developing collections"). The second are the files that answer
for them on hosts, too.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

from stella_ops.collections import current
from stella_ops.errors import CollectionError

_ROOT = "ansible_collections"
_UTILS = "ansible.module_utils"
# The controller knows these files by their folder alone: what travels to hosts is data here, plug-ins excepted.
_OURS = ".".join(("stella_ops", "remote", "lib", "module_utils"))


class _Empty(Loader):
    """Loads a package without code."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        places = list(module.__path__)
        if len(places) == 1:
            module.__file__ = f"{places[0]}/__init__.py"  # which plug-ins take for the collection's folder


class _Same(Loader):
    """Gives a module that is there already another name."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class CollectionFinder(MetaPathFinder):
    """Finds modules of installed collections."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] != _ROOT:
            return None
        parts = name.split(".")
        collections = current()
        if len(parts) <= 2:
            places = [place for root in collections.roots if (place := root.joinpath(*parts[1:])).is_dir()]
            return _package(name, list(map(str, places))) if places else None
        if parts[1:3] == ["ansible", "builtin"]:
            return _builtin(name, parts[3:])
        try:
            found = collections.get(".".join(parts[1:3]))
        except CollectionError as problem:
            raise ImportError(str(problem)) from None
        if found is None:
            return None
        if len(parts) == 3:
            return _package(name, [str(found.folder)])
        other = found.redirected_import(name)
        if other is not None:
            return ModuleSpec(name, _Same(importlib.import_module(other)))
        return _file(name, found.folder.joinpath(*parts[3:]))


class UtilsFinder(MetaPathFinder):
    """Finds ``ansible.module_utils`` among our own."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(_UTILS + "."):
            return None
        found = ours(name[len(_UTILS) + 1 :])
        return None if found is None else ModuleSpec(name, _Same(found), is_package=True)


def ours(short: str) -> ModuleType | None:
    """Our module for one of ``ansible.module_utils``; None where there is none."""
    if short == "six.moves" or short.startswith("six.moves."):
        six = importlib.import_module(f"{_OURS}.six")
        moved: ModuleType | None = six.find_moved(short.removeprefix("six.moves").removeprefix("."))
        return moved
    name = f"{_OURS}.{short}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name == name:
            return None
        raise


@contextlib.contextmanager
def installed(finders: Sequence[MetaPathFinder]) -> Iterator[None]:
    """Some finders are asked in the block, before Python's own."""
    sys.meta_path[:0] = finders
    try:
        yield
    finally:
        for finder in finders:
            with contextlib.suppress(ValueError):
                sys.meta_path.remove(finder)


def forget_collections() -> None:
    """Have modules of collections imported anew: others are in use."""
    for name in names_imported(_ROOT):
        del sys.modules[name]


def names_imported(package: str) -> list[str]:
    """The names of a package and of what is in it that are imported now."""
    # A copy first, made in one step: other threads (the run's recorder) import meanwhile.
    return [name for name in list(sys.modules) if name == package or name.startswith(f"{package}.")]


def _package(name: str, places: list[str]) -> ModuleSpec:
    spec = ModuleSpec(name, _Empty(), is_package=True)
    spec.submodule_search_locations = places
    return spec


def _builtin(name: str, rest: list[str]) -> ModuleSpec | None:
    """``ansible_collections.ansible.builtin.plugins.…``: another name of what ansible-core has."""
    if rest[:1] == ["plugins"] and len(rest) > 1:
        base = {"module_utils": _UTILS, "modules": "ansible.modules"}.get(rest[1], f"ansible.plugins.{rest[1]}")
        with contextlib.suppress(ImportError):
            found = importlib.import_module(".".join([base, *rest[2:]]))
            return ModuleSpec(name, _Same(found), is_package=hasattr(found, "__path__"))
    return _package(name, [])


def _file(name: str, place: Path) -> ModuleSpec | None:
    if place.is_dir():
        init = place / "__init__.py"
        if not init.is_file():
            return _package(name, [str(place)])
        loader = SourceFileLoader(name, str(init))
        return importlib.util.spec_from_file_location(
            name, init, loader=loader, submodule_search_locations=[str(place)]
        )
    return PathFinder.find_spec(name, [str(place.parent)])
