"""Parts of documentation that plug-ins share: ``extends_documentation_fragment``, in ``plugins/doc_fragments``.

Read from the source, which is not run.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stella_ops.collections.installed import Collections
from stella_ops.collections.reference import Reference, parse
from stella_ops.errors import CollectionError


@functools.cache
def builtin_fragments() -> Mapping[str, dict[str, Any]]:
    """What ansible.builtin's fragments say, by their short names; a part's name comes behind a dot."""
    path = Path(__file__).with_name("builtin_fragments.yml")
    loaded: dict[str, dict[str, Any]] = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return loaded


def with_fragments(collections: Collections, documentation: Mapping[str, Any]) -> dict[str, Any]:
    """The options that some documentation describes, those of its fragments among them.

    What the documentation itself says of an option comes first, then the fragments in their order, field by field.
    A fragment that there is not, or that cannot be read, is passed over: the plug-in works without its text.
    """
    own = documentation.get("options")
    made: dict[str, Any] = dict(own) if isinstance(own, Mapping) else {}
    named = documentation.get("extends_documentation_fragment") or []
    for name in named.split(",") if isinstance(named, str) else named:
        own = builtin_fragments().get(str(name).strip().removeprefix("ansible.builtin."), {})
        _fill(made, own.get("options", {}))
        for part in _parts(collections, str(name).strip()):
            _fill(made, with_fragments(collections, part))
    return made


def _fill(options: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add what a fragment says: of an option that is there already, what is not said of it yet."""
    for name, said in more.items():
        known = options.get(name, said)
        options[name] = {**said, **known} if isinstance(known, Mapping) and isinstance(said, Mapping) else known


def _parts(collections: Collections, name: str) -> Iterator[Mapping[str, Any]]:
    """What a fragment says: ``ns.coll.file``, or ``ns.coll.file.part`` for another text of the same file."""
    reference = parse(name)
    try:
        found = None if reference is None else collections.get(reference.collection)
    except CollectionError:
        found = None
    if reference is None or found is None:
        return
    path, variable = found.plugin("doc_fragments", reference), "DOCUMENTATION"
    if path is None and reference.folders:
        outer = Reference(reference.collection, reference.folders[:-1], reference.folders[-1])
        path, variable = found.plugin("doc_fragments", outer), reference.name.upper()
    text = None if path is None else fragment_text(path, variable)
    if text is not None:
        try:
            loaded = yaml.safe_load(text)
        except yaml.YAMLError:
            return
        if isinstance(loaded, Mapping):
            yield loaded


def fragment_text(path: Path, variable: str) -> str | None:
    """One of the texts of a fragment's file; None where there is none."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    for outer in tree.body:
        if not isinstance(outer, ast.ClassDef) or outer.name != "ModuleDocFragment":
            continue
        for node in outer.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and target.id == variable and isinstance(value, ast.Constant):
                return value.value if isinstance(value.value, str) else None
    return None
