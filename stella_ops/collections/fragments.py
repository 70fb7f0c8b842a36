"""Parts of documentation that plug-ins share: ``extends_documentation_fragment``, in ``plugins/doc_fragments``.

Read from the source, which is not run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stella_ops.collections.installed import Collections
from stella_ops.collections.reference import Reference, parse
from stella_ops.errors import CollectionError

_CONSTRUCTED: dict[str, Any] = {
    "strict": {"type": "bool", "default": False},
    **{name: {"type": "dict", "default": {}} for name in ("compose", "groups")},
    "keyed_groups": {"type": "list", "default": []},
    "leading_separator": {"type": "bool", "default": True},
    "use_extra_vars": {
        "type": "bool",
        "default": False,
        "env": [{"name": "ANSIBLE_INVENTORY_USE_EXTRA_VARS"}],
        "ini": [{"section": "inventory_plugins", "key": "use_extra_vars"}],
    },
}


def _cached(kind: str, facts: tuple[str, str], own: tuple[str, str], default: Any = None) -> dict[str, Any]:
    """An option of inventory caches: what is set for facts holds where nothing is for inventories."""
    return {
        "type": kind,
        "default": default,
        "env": [{"name": facts[0]}, {"name": own[0]}],
        "ini": [{"section": "defaults", "key": facts[1]}, {"section": "inventory", "key": own[1]}],
    }


_CACHE: dict[str, Any] = {
    "cache": {
        "type": "bool",
        "default": False,
        "env": [{"name": "ANSIBLE_INVENTORY_CACHE"}],
        "ini": [{"section": "inventory", "key": "cache"}],
    },
    "cache_plugin": _cached(
        "str", ("ANSIBLE_CACHE_PLUGIN", "fact_caching"), ("ANSIBLE_INVENTORY_CACHE_PLUGIN", "cache_plugin"), "memory"
    ),
    "cache_timeout": _cached(
        "int",
        ("ANSIBLE_CACHE_PLUGIN_TIMEOUT", "fact_caching_timeout"),
        ("ANSIBLE_INVENTORY_CACHE_TIMEOUT", "cache_timeout"),
        3600,
    ),
    "cache_connection": _cached(
        "str",
        ("ANSIBLE_CACHE_PLUGIN_CONNECTION", "fact_caching_connection"),
        ("ANSIBLE_INVENTORY_CACHE_CONNECTION", "cache_connection"),
    ),
    "cache_prefix": _cached(
        "str",
        ("ANSIBLE_CACHE_PLUGIN_PREFIX", "fact_caching_prefix"),
        ("ANSIBLE_INVENTORY_CACHE_PLUGIN_PREFIX", "cache_prefix"),
        "ansible_inventory_",
    ),
}
# The options that ansible-core's own fragments bring; they are those of what is built in.
_BUILTIN: dict[str, dict[str, Any]] = {
    "constructed": _CONSTRUCTED,
    "inventory_cache": _CACHE,
    "vars_plugin_staging": {"stage": {"type": "str"}},
}


def with_fragments(collections: Collections, documentation: Mapping[str, Any]) -> dict[str, Any]:
    """The options that some documentation describes, those of its fragments among them.

    What the documentation itself says of an option comes first, then the fragments in their order, field by field.
    A fragment that there is not, or that cannot be read, is passed over: the plug-in works without its text.
    """
    own = documentation.get("options")
    made: dict[str, Any] = dict(own) if isinstance(own, Mapping) else {}
    named = documentation.get("extends_documentation_fragment") or []
    for name in named.split(",") if isinstance(named, str) else named:
        _fill(made, _BUILTIN.get(str(name).strip().removeprefix("ansible.builtin."), {}))
        for part in _parts(collections, str(name).strip()):
            _fill(made, with_fragments(collections, part))
    return made


def with_sections(collections: Collections, documentation: Mapping[str, Any]) -> dict[str, Any]:
    """Some documentation with all that its fragments add: their notes behind its own, other lists made one and sorted.

    As ``with_fragments`` besides, which it uses for the options.
    """
    made = {key: value for key, value in documentation.items() if key != "extends_documentation_fragment"}
    named = documentation.get("extends_documentation_fragment") or []
    for name in named.split(",") if isinstance(named, str) else named:
        for part in _parts(collections, str(name).strip()):
            for key, value in part.items():
                own = made.get(key)
                if key in ("notes", "seealso"):
                    made[key] = [*(own or []), *(value or [])]
                elif key == "attributes" and isinstance(own, Mapping):
                    made[key] = {**value, **{k: {**value.get(k, {}), **each} for k, each in own.items()}}
                elif isinstance(own, list) and isinstance(value, list) and key != "options":
                    made[key] = sorted({*own, *value})
                elif own is None and key not in ("options", "extends_documentation_fragment"):
                    made[key] = value
    return {**made, "options": with_fragments(collections, documentation)}


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
