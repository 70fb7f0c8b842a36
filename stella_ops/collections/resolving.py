"""From the name of a plug-in, as a playbook has it, to its file: redirects, deprecations and tombstones followed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from stella_ops.collections.installed import Collection, Collections
from stella_ops.collections.reference import BUILTIN, Reference, parse
from stella_ops.collections.runtime import Removal
from stella_ops.errors import CollectionError


class Found(NamedTuple):
    """Where a name leads.

    Attributes:
        name: the full one, after all redirects.
        collection: None where it is one of ansible-core's own.
        reference: the name in parts.
        action_plugin: what ``meta/runtime.yml`` names to run in the module's place.
    """

    name: str
    collection: Collection | None
    reference: Reference
    action_plugin: str | None = None

    @property
    def builtin(self) -> str | None:
        """The short name where it is one of ansible-core's own."""
        return self.reference.inside if self.collection is None else None


def follow(collections: Collections, kind: str, name: str) -> Found | None:
    """Where a full name leads; None where there is no such collection.

    Args:
        kind: as the folders in ``plugins/`` are called: ``modules``, ``filter``, ``test``, ``lookup`` …

    Raises:
        CollectionError: it is gone, or redirects make a circle or lead to what is no full name.
    """
    passed: list[str] = []
    while True:
        reference = parse(name)
        if reference is None:
            return None
        if reference.collection in BUILTIN:
            return Found(name, None, reference)
        found = collections.get(reference.collection)
        if found is None:
            return None
        said = found.runtime.of(kind, reference.inside)
        if said.tombstone is not None:
            raise CollectionError(_gone(kind, name, said.tombstone, found.name))
        if said.deprecation is not None:
            collections.say(_goes(kind, name, said.deprecation, found.name), deprecated=True)
        if said.redirect is None:
            return Found(name, found, reference, said.action_plugin)
        passed.append(name)
        if parse(said.redirect) is None:
            raise CollectionError(
                f"Collection {found.name} contains invalid redirect for {name}: {said.redirect}. "
                "Redirects must use fully qualified collection names."
            )
        if said.redirect in passed:
            raise CollectionError(f"plugin redirect loop resolving {passed[0]} (path: {passed})")
        name = said.redirect


def module(collections: Collections, name: str) -> tuple[str, Path | None] | None:
    """The canonical name and the file of a module; of ansible-core's own the short name and no file.

    Raises:
        CollectionError: as ``follow``.
    """
    found = follow(collections, "modules", name)
    if found is None:
        return None
    if found.collection is None:
        return found.reference.inside, None
    path = found.collection.plugin("modules", found.reference)
    return None if path is None else (found.name, path)


def has_plugin(collections: Collections, kind: str, name: str) -> bool:
    """Whether a full name leads to a plug-in whose file is named as it is, or to something that is told when used."""
    try:
        found = follow(collections, kind, name)
    except CollectionError:
        return True
    if found is None or found.collection is None:
        return found is not None
    return found.collection.plugin(kind, found.reference) is not None


def action(collections: Collections, name: str) -> str | None:
    """The action plug-in that ansible-core runs in place of a module, or before it; None where there is none."""
    reference = parse(name)
    found = None if reference is None else collections.get(reference.collection)
    if reference is None or found is None:
        return None
    routed = found.runtime.of("modules", reference.inside).action_plugin
    redirect = found.runtime.of("action", reference.inside).redirect
    for other in (routed, redirect):
        if other is not None and not other.startswith(tuple(f"{each}." for each in BUILTIN)):
            return other
    return name if found.plugin("action", reference) is not None else None


def explain(collections: Collections, kind: str, name: str) -> str | None:
    """Why a full name leads nowhere: which folders were looked in. None for a short name."""
    reference = parse(name)
    if reference is None or reference.collection in BUILTIN:
        return None
    found = collections.get(reference.collection)
    if found is None:
        return (
            f"the collection '{reference.collection}' is not installed (ansible-galaxy collection install "
            f"{reference.collection}); looked in {collections.searched()}"
        )
    if kind == "role":
        place = found.folder.joinpath("roles", *reference.folders)
    elif kind == "playbook":
        place = found.folder.joinpath("playbooks", *reference.folders)
    else:
        place = found.plugin_folder(kind, reference.folders)
    from stella_ops.spelling import did_you_mean

    near = did_you_mean(reference.name, names_in(place, kind))
    return f"looked in {place}" + (f"; {near}" if near else "")


def names_in(place: Path, kind: str) -> list[str]:
    """What there is in a folder of a collection, by the names of files and folders."""
    if not place.is_dir():
        return []
    if kind == "role":
        return sorted(path.name for path in place.iterdir() if path.is_dir())
    return sorted({path.stem for path in place.iterdir() if path.is_file() and not path.name.startswith("_")})


def _goes(kind: str, name: str, removal: Removal, collection: str) -> str:
    what = f'{kind.title()} "{name}"' if kind in ("filter", "test") else name
    return f"{what} has been deprecated.{_sentence(removal.text)} {removal.sentence(collection)}"


def _gone(kind: str, name: str, removal: Removal, collection: str) -> str:
    what = "module" if kind == "modules" else f"{kind} plugin"
    return f"The '{name}' {what} has been removed.{_sentence(removal.text)} {removal.sentence(collection, done=True)}"


def _sentence(text: str) -> str:
    return f" {text}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""
