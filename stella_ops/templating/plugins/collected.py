"""Filters, tests and lookups of installed collections, loaded when their full names are met in a template.

A plug-in's file need not have its name: a file brings what its ``FilterModule`` or ``TestModule`` says. Where files
bring the same, one that is named as the plug-in is comes before the others.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from stella_ops.collections import Collections, current
from stella_ops.collections.installed import Collection
from stella_ops.collections.reference import Reference
from stella_ops.collections.resolving import explain, follow
from stella_ops.errors import CollectionError, TemplateError
from stella_ops.templating.plugins import loading, module_state

Plugin = Callable[..., Any]

_collections: Collections | None = None
_plugins: dict[tuple[str, str], Plugin | str | None] = {}
_files: dict[tuple[str, Path], Mapping[str, Plugin]] = {}


def forget() -> None:
    """Load all of them anew when they are met."""
    from stella_ops.templating.plugins.finders import forget_collections

    _plugins.clear()
    _files.clear()
    forget_collections()


def plugin(kind: str, name: str) -> Plugin | str | None:
    """What stands behind a full name.

    Args:
        kind: filter, test or lookup.

    Returns:
        a function as templates call it; the short name where it leads to one of ansible-core's own; None where there
        is no such plug-in, or it cannot be loaded.

    Raises:
        TemplateError: the collection says that it is gone, or what the collection says cannot be read.
    """
    global _collections
    if _collections is not current():
        forget()
        _collections = current()
    key = (kind, name)
    if key not in _plugins:
        try:
            _plugins[key] = _find(kind, name)
        except CollectionError as problem:
            raise TemplateError(problem.message, where=problem.where, hint=problem.hint) from None
    return _plugins[key]


def why_not(kind: str, name: str) -> str | None:
    """Why there is no plug-in of a full name, for a hint."""
    try:
        followed = follow(current(), kind, name)
        failed = loading.load_failures(kind)
        hint = explain(current(), kind, name if followed is None else followed.name)
    except CollectionError as problem:
        return problem.message
    return failed if followed is not None and failed else hint


def source_plugin(kind: str, name: str) -> tuple[str, Path, ModuleType | None] | None:
    """The module of a plug-in that reads sources or gives variables.

    Args:
        kind: inventory or vars.

    Returns:
        its full name after redirects, its file, and the module, which is None where the file fails
        (``loading.load_failures``); None where there is no such plug-in.

    Raises:
        CollectionError: as ``follow``.
    """
    found = follow(current(), kind, name)
    if found is None or found.collection is None:
        return None
    path = found.collection.plugin(kind, found.reference)
    if path is None:
        return None
    return found.name, path, _import(kind, path, found.collection, found.reference.folders)


def names_in_file(kind: str, path: Path, collection: Collection | None, folders: tuple[str, ...] = ()) -> list[str]:
    """The names of the filters or tests that a file brings; none where it cannot be loaded.

    Args:
        collection: the one that it is of, if any.
        folders: between the folder of the kind and the file.
    """
    if collection is None:
        module = loading.load_module(kind, path)
        return [] if module is None else [str(name) for name in loading.functions(kind, path, module)]
    return [str(name) for name in _of_file(kind, path, collection, Reference(collection.name, folders, path.stem))]


def _find(kind: str, name: str) -> Plugin | str | None:
    found = follow(current(), kind, name)
    if found is None:
        return None
    if found.collection is None:
        return found.builtin
    if kind == "lookup":
        return _lookup(found.collection, found.reference, name)
    folder = found.collection.plugin_folder(kind, found.reference.folders)
    own = folder / f"{found.reference.name}.py"
    files = [*([own] if own.is_file() else []), *(path for path in sorted(folder.glob("*.py")) if path != own)]
    for path in files:
        if path.stem == "__init__":
            continue
        known = _of_file(kind, path, found.collection, found.reference)
        function = known.get(found.reference.name) or known.get(found.name)
        if function is not None:
            return loading.called(kind, found.name, function)
    return None


def _of_file(kind: str, path: Path, collection: Collection, reference: Reference) -> Mapping[str, Plugin]:
    key = (kind, path)
    if key not in _files:
        module = _import(kind, path, collection, reference.folders)
        _files[key] = {} if module is None else loading.functions(kind, path, module)
    return _files[key]


def _lookup(collection: Collection, reference: Reference, name: str) -> Plugin | None:
    path = collection.plugin("lookup", reference)
    module = None if path is None else _import("lookup", path, collection, reference.folders)
    if path is None or module is None:
        return None
    return loading.lookup_of(name, path, module)


def _import(kind: str, path: Path, collection: Collection, folders: tuple[str, ...]) -> ModuleType | None:
    """The module of a plug-in's file; None where it fails, which is remembered."""
    from stella_ops.templating.plugins.imports import answered

    name = ".".join(("ansible_collections", collection.name, "plugins", kind, *folders, path.stem))
    try:
        with answered():
            module = importlib.import_module(name)
    except Exception as problem:
        loading.failed(kind, path, problem)
        return None
    module_state.watch(module)
    return module
