"""The documentation of a module or plug-in, put together of all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stella_ops.actions.registry import action_names
from stella_ops.collections.resolving import action
from stella_ops.errors import CollectionError
from stella_ops.plugin_docs import ours
from stella_ops.plugin_docs.catalogue import Catalogue, Located
from stella_ops.plugin_docs.fragments import add_fragments
from stella_ops.plugin_docs.reading import ENDINGS, Unreadable, read, stamp, stamp_returned, summary


def document(catalogue: Catalogue, found: Located, name: str, fragments: Sequence[Path] = ()) -> dict[str, Any]:
    """All that is said of a plug-in: ``doc``, ``examples``, ``return`` and ``metadata``.

    Args:
        name: as it was asked for.
        fragments: folders of fragments that are in no collection.

    Raises:
        Unreadable: it has no documentation, or that cannot be read; with ansible-core's words.
    """
    module = found.kind == "module"
    if found.built_in:
        told, file = ours.told(found.kind, found.short), found.path
        stamp(told["doc"], found.collection, module=module)
    else:
        told, file = _others(catalogue, found, name, fragments)
    doc = told["doc"]
    doc["filename"] = "" if file is None else str(file)
    doc["collection"] = found.collection
    doc["plugin_name"] = found.name
    if module:
        doc["has_action"] = _has_action(catalogue, found)
    return told


def _others(
    catalogue: Catalogue, found: Located, name: str, fragments: Sequence[Path]
) -> tuple[dict[str, Any], Path | None]:
    assert found.path is not None
    file = found.path
    if file.suffix not in ENDINGS:
        beside = next(iter(_beside(file, found.short)), None)
        if beside is None:
            raise Unreadable(f"{name} cannot contain DOCUMENTATION nor does it have a companion documentation file")
        file = beside
    told = _whole(catalogue, found, file, name, fragments, "did not contain")
    if told["doc"] is None:
        for other in _beside(file, found.short):
            told = _whole(catalogue, found, other, name, fragments, "adjacent file did not contain")
            file = other
            if told["doc"] is not None:
                break
    if told["doc"] is None:
        raise Unreadable(f"No documentation available for {found.kind} plugin {name!r} in {str(file)!r}.")
    if not isinstance(told["doc"], dict):
        raise Unreadable(f"'{type(told['doc']).__name__}' object does not support item assignment")
    return told, file


def _beside(file: Path, short: str) -> list[Path]:
    """The files beside a plug-in's that may tell of it."""
    base = file.with_name(short.rpartition(".")[2])
    paths = [base.with_name(base.name + ending) for ending in ENDINGS]
    return [path for path in paths if path != file and path.exists()]


def _whole(
    catalogue: Catalogue, found: Located, file: Path, name: str, fragments: Sequence[Path], silent: str
) -> dict[str, Any]:
    module = found.kind == "module"
    try:
        told = read(file)
        if isinstance(told["doc"], dict) and told["doc"]:
            stamp(told["doc"], found.collection, module=module)
            add_fragments(told["doc"], file, catalogue.collections, fragments, module=module)
        if told["return"]:
            stamp_returned(told["return"], found.collection)
    except (TypeError, ValueError) as problem:
        where = f"{found.kind} plugin {name!r} {silent} a DOCUMENTATION attribute in {str(file)!r}"
        raise Unreadable(f"{where}: {problem}") from None
    return told


def _has_action(catalogue: Catalogue, found: Located) -> bool:
    if found.built_in:
        return found.short in action_names() or found.short in ("import_role", "import_tasks", "meta")
    if not found.collection or found.collection == "ansible.legacy":
        return False
    try:
        return action(catalogue.collections, found.name) is not None
    except CollectionError:
        return False


def description(found: Located) -> str:
    """The line of a list about a plug-in; UNDOCUMENTED where it says nothing.

    Raises:
        ValueError: what it says cannot be read.
    """
    if found.built_in:
        return ours.short_description(found.kind, found.short)
    assert found.path is not None
    text = problem = None
    for file in (found.path, *_beside(found.path, found.short)):
        try:
            text = summary(file)
        except (KeyError, OSError, ValueError) as caught:
            problem = caught
        if text is not None:
            return text
    if problem is not None:
        raise ValueError(str(problem))
    return "UNDOCUMENTED"
