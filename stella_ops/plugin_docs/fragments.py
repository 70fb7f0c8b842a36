"""Puts the parts of documentation together that plug-ins share (``extends_documentation_fragment``)."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stella_ops.collections import Collections
from stella_ops.collections.fragments import builtin_fragments, fragment_text
from stella_ops.collections.resolving import follow
from stella_ops.errors import CollectionError
from stella_ops.plugin_docs.reading import Unreadable, load_yaml, stamp

_OWN = ("ansible.builtin.", "ansible.legacy.")


def add_fragments(
    doc: dict[str, Any], file: Path, collections: Collections, folders: Sequence[Path], *, module: bool
) -> None:
    """Add what the fragments say that some documentation names; what it says itself comes first.

    Args:
        folders: of fragments that are in no collection.

    Raises:
        Unreadable: one is not known, or says something of another kind.
    """
    named = doc.pop("extends_documentation_fragment", None) or []
    unknown = []
    for slug in named.split(",") if isinstance(named, str) else named:
        fragment = _find(str(slug).strip(), collections, folders, module)
        if fragment is None:
            unknown.append(str(slug))
        else:
            _merge(doc, fragment, str(slug).strip(), file)
    if unknown:
        raise Unreadable(f"unknown doc_fragment(s) in file {file}: {', '.join(unknown)}")


def _find(name: str, collections: Collections, folders: Sequence[Path], module: bool) -> dict[str, Any] | None:
    text, collection = _text(name, collections, folders)
    if text is None:
        own = next((name.removeprefix(prefix) for prefix in _OWN if name.startswith(prefix)), name)
        found = builtin_fragments().get(own.lower())
        fragment: Any = copy.deepcopy(found) if found is not None and own.count(".") <= 1 else None
        collection = "ansible.builtin"
    else:
        fragment = load_yaml(text) or {}
    if isinstance(fragment, dict):
        stamp(fragment, collection, module=module)
        return fragment
    return None


def _text(name: str, collections: Collections, folders: Sequence[Path]) -> tuple[str | None, str]:
    """What a fragment says, and the collection that it is of: ``ns.coll.file``, or ``ns.coll.file.part``."""
    outer, dot, part = name.rpartition(".")
    candidates = [(name, "DOCUMENTATION"), *([(outer, part.upper())] if dot else [])]
    for file, variable in candidates:
        for folder in folders if "." not in file else ():
            path = folder / f"{file}.py"
            if path.is_file():
                return fragment_text(path, variable), ""
        try:
            found = follow(collections, "doc_fragments", file)
        except CollectionError:
            found = None
        if found is not None and found.collection is not None:
            there = found.collection.plugin("doc_fragments", found.reference)
            if there is not None:
                text = fragment_text(there, variable) or _computed(found.name, variable)
                return text, found.collection.name
    return None, ""


def _computed(name: str, variable: str) -> str | None:
    """A text that is made when the fragment's class is."""
    from stella_ops.templating.plugins.imports import answered

    namespace, collection, *rest = name.split(".")
    module = ".".join(("ansible_collections", namespace, collection, "plugins", "doc_fragments", *rest))
    try:
        with answered():
            text = getattr(importlib.import_module(module).ModuleDocFragment(), variable, None)
    except Exception:  # it is others' code
        return None
    return text if isinstance(text, str) else None


def _merge(doc: dict[str, Any], fragment: dict[str, Any], name: str, file: Path) -> None:
    for key in ("notes", "seealso"):
        more = fragment.pop(key, None)
        if more:
            doc[key] = [*(doc.get(key) or []), *more]
    if "options" not in fragment and "attributes" not in fragment:
        raise Unreadable(f"missing options or attributes in fragment ({name}), possibly misformatted?: {file}")
    for key in ("options", "attributes"):
        if key in fragment:
            doc[key] = _joined(doc.get(key) or {}, fragment.pop(key), name, file)
    doc.update(_joined(doc, fragment, name, file))


def _joined(own: Mapping[str, Any], more: Mapping[str, Any], name: str, file: Path) -> dict[str, Any]:
    """Both, key by key; of what both have, the fields of mappings and the items of lists."""
    made = dict(own)
    for key, value in (more or {}).items():
        mine = made.get(key)
        if key not in made:
            made[key] = value
        elif isinstance(mine, Mapping) and isinstance(value, Mapping):
            made[key] = {**value, **mine}
        elif isinstance(mine, list) and isinstance(value, list):
            made[key] = sorted({*mine, *value})
        else:
            what = "Attempt to extend a documentation fragment, invalid type for"
            raise Unreadable(f"{what} {key} ({name}, {file})")
    return made
