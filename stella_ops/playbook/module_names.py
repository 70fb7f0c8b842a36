"""The names of modules: short ones, full ones, and those that ``collections:`` lets be short.

A module that ships here, or is the user's own, is known by its short name; one of a collection by its full name, after
all redirects. See "Using collections in a playbook" in ansible-core's documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stella_ops import collections as installed
from stella_ops.collections import resolving
from stella_ops.collections.moved import moved_to
from stella_ops.collections.reference import BUILTIN
from stella_ops.content import builtin_folder, module_path
from stella_ops.origins import key_origin, origin_of
from stella_ops.playbook.keywords import is_template, spoken
from stella_ops.playbook.module_index import ModuleIndex
from stella_ops.playbook.problems import Problems

PREFIXES = tuple(f"{name}." for name in BUILTIN)
# Modules of collections that are built in here, for where the collection is not installed.
COLLECTED = {
    "ansible.posix": ("authorized_key", "mount", "sysctl"),
    "community.general": ("archive", "ini_file"),
    "stella.ops": (),
}


def short_name(name: str) -> str:
    """A module's name without the collections that stand for the built-in ones."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :]
    collection, _, module = name.rpartition(".")
    return module if module in COLLECTED.get(collection, ()) else name


def full_name(name: str, folders: Sequence[Path]) -> str:
    """What ansible-core calls the action or module of a canonical name.

    Args:
        folders: with modules of the operator's own, which have no longer name.
    """
    if "." in name:
        return name
    path = module_path(name, folders)
    if path is not None and path.parent != builtin_folder("modules"):
        return name
    return f"{next((home for home, names in COLLECTED.items() if name in names), 'ansible.builtin')}.{name}"


def canonical(name: str, modules: ModuleIndex, search: Sequence[str] = ()) -> str:
    """The name by which the module is known that a task names; a name that means nothing as it is.

    Args:
        search: the collections in which a short name is looked for, in order.

    Raises:
        CollectionError: its collection says that it is gone, or cannot be read.
    """
    if "." in name:
        if name.startswith(PREFIXES):
            short = short_name(name)
            return short if modules.spec(short) is not None else _moved(short) or short
        return _collected(name) or short_name(name)
    if not search and (name == "meta" or modules.spec(name) is not None):
        return name
    for collection in search:
        if collection in BUILTIN:
            if name == "meta" or modules.spec(name) is not None:
                return name
            continue
        found = _collected(f"{collection}.{name}")
        if found is not None:
            return found
    return _moved(name) or name


def _moved(name: str) -> str | None:
    """Where a module that was one of ansible-core's is now; None where it was none, or that is not installed."""
    moved = moved_to("modules", name)
    return None if moved is None else _collected(moved)


def _collected(name: str) -> str | None:
    """The canonical name of a module of an installed collection; None where there is none."""
    collections = installed.current()
    found = resolving.follow(collections, "modules", name)
    if found is None:
        return None
    if found.collection is None:
        return found.builtin
    replaced = action_plugin(found.name)
    if found.collection.plugin("modules", found.reference) is None and replaced is None:
        return None
    ours = short_name(found.name)
    # Ours does what the module and its action plug-in do together.
    return ours if replaced is not None and ours != found.name else found.name


def action_plugin(name: str) -> str | None:
    """The action plug-in without which a module of a collection does not do what it is for; None where there is none.

    Args:
        name: canonical.
    """
    return resolving.action(installed.current(), name) if "." in name else None


def search_list(named: Iterable[str] | None, default: str | None = None) -> tuple[str, ...]:
    """The collections in which short names are looked for.

    Args:
        named: by the keyword.
        default: the collection that the playbook lies in.
    """
    found = list(dict.fromkeys(named or ()))
    if default is not None and default not in found:
        found.insert(0, default)
    if found and not set(BUILTIN) & set(found):
        found.append("ansible.legacy")
    return tuple(found)


def collection_of(folder: Path) -> str | None:
    """The name of the installed collection that a folder lies in."""
    if "ansible_collections" not in folder.parts:
        return None
    found = installed.current().of_path(folder)
    return None if found is None else found.name


def read_collections(raw: Mapping[str, Any], problems: Problems) -> list[str] | None:
    """The keyword ``collections`` of a level; None where it is not written."""
    written = raw.get("collections")
    if written is None:
        return None
    found = written if isinstance(written, list) else [written]
    for name in found:
        if not isinstance(name, str) or is_template(name):
            problems.add(
                f"'collections' must be names of collections, known before the play runs, not {spoken(name)}",
                where=origin_of(name) or key_origin(raw, "collections"),
            )
    return [str.__str__(name) for name in found if isinstance(name, str)]
