"""Lists, pages and snippets of modules and plug-ins, for ``stella-ops doc``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli.ansible_programs import called_as_ansible
from stella_ops.errors import CollectionError, StellaError

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings
    from stella_ops.plugin_docs.catalogue import Catalogue, Located
    from stella_ops.plugin_docs.look import Look

Documents = dict[str, dict[str, Any]]


def catalogue(settings: AnsibleSettings, beside: Path | None, module_path: Iterable[str]) -> Catalogue:
    """What is there, by settings and options.

    Args:
        beside: a folder of playbooks; without one our own command looks beside those of the working folder.
    """
    from stella_ops.ansible_settings.plugin_folders import documented_folders
    from stella_ops.cli.collections import use_collections
    from stella_ops.cli.workplace import module_environment
    from stella_ops.module_folders import configured_modules, split_paths
    from stella_ops.plugin_docs.catalogue import Catalogue

    here: list[Path] = []
    if beside is None and not called_as_ansible():
        beside, here = Path.cwd(), [Path.cwd() / "modules"]
    collections = use_collections(settings, [] if beside is None else [beside.absolute()])
    named = [folder for text in module_path for folder in split_paths(text)]

    def configured(kind: str) -> Sequence[Path]:
        if kind == "module":
            return configured_modules(module_environment(settings))
        return documented_folders(kind, settings)

    return Catalogue(collections, None if beside is None else beside.absolute(), named, configured, here)


def documents(
    known: Catalogue, settings: AnsibleSettings, kind: str, names: Iterable[str], lenient: bool | None = None
) -> Documents:
    """What the plug-ins of some names say of themselves, by these names.

    Args:
        lenient: errors are part of what is returned.

    Raises:
        StellaError: one says something that cannot be read.
    """
    from stella_ops.ansible_settings.plugin_folders import documented_folders
    from stella_ops.plugin_docs.documents import document
    from stella_ops.plugin_docs.reading import Unreadable

    fragments = documented_folders("doc_fragment", settings)
    found: Documents = {}
    for name in names:
        try:
            located = known.find(kind, name)
            if located is None:
                _tell_of_missing_collection(known, name)
                click.echo(f"[WARNING]: {name} was not found{_hint(known, kind, name)}", err=True)
                continue
            found[name] = document(known, located, name, fragments)
        except (Unreadable, StellaError) as problem:
            said = "Missing documentation (or could not parse documentation)"
            why = problem.message if isinstance(problem, StellaError) else str(problem)
            if lenient:
                found[name] = {"error": f"{said}: {why}."}
                continue
            if lenient is not None and kind in ("filter", "test"):
                click.echo(f"[WARNING]: {kind} {name} {said}: {why}", err=True)
                continue
            raise StellaError(f"{kind} {name} {said}: {why}") from None
        if lenient and (why_not := _no_json(found[name])):
            found[name] = {"error": f"Cannot serialize documentation as JSON: {why_not}"}
    return found


def _no_json(told: dict[str, Any]) -> str | None:
    try:
        json.dumps(told, sort_keys=True, default=str)
    except TypeError as problem:
        return str(problem)
    return None


def _tell_of_missing_collection(known: Catalogue, name: str) -> None:
    """What ansible-core says before it says that there is no such plug-in."""
    from stella_ops.collections.reference import BUILTIN, parse

    reference = parse(name)
    if reference is None or not called_as_ansible() or reference.collection in BUILTIN:
        return
    namespace = reference.collection.partition(".")[0]
    if known.collections.get(reference.collection) is None:
        there = any((root / namespace).is_dir() for root in known.collections.roots)
        module = f"ansible_collections.{reference.collection if there else namespace}"
        click.echo(f"[WARNING]: Error loading plugin '{name}': No module named '{module}'", err=True)


def _hint(known: Catalogue, kind: str, name: str) -> str:
    """A near name, or why there is none; ansible-doc says nothing of the kind."""
    if called_as_ansible():
        return ""
    from stella_ops.collections.resolving import explain
    from stella_ops.plugin_docs import ours
    from stella_ops.spelling import did_you_mean

    try:
        why = explain(known.collections, "modules" if kind == "module" else kind, name)
    except CollectionError:
        return ""
    hint = why or did_you_mean(name.removeprefix("ansible.builtin."), ours.names(kind))
    return f"; {hint}" if hint else ""


def dump(known: Catalogue, settings: AnsibleSettings, only: Sequence[str], lenient: bool) -> dict[str, Any]:
    """Everything that plug-ins say, or those of some collections, by kind and name.

    Raises:
        StellaError: there is no such collection, or one says something that cannot be read.
    """
    from stella_ops.plugin_docs.kinds import PLUGINS

    return {kind: documents(known, settings, kind, _collected(known, kind, only), lenient) for kind in PLUGINS}


def show_list(known: Catalogue, kind: str, only: Sequence[str], *, files: bool, as_json: bool, look: Look) -> None:
    """Print the plug-ins of a kind, all or those of some collections.

    Raises:
        StellaError: there is no such collection.
    """
    from stella_ops.cli.doc import print_json, print_text

    told = {}
    for name, located in _listed(known, kind, only).items():
        said = str(located.path or "") if files else _description(name, located)
        if said is not None:
            told[name] = said
    if as_json:
        print_json(told)
    elif told:
        from stella_ops.plugin_docs.markup import render

        width = max(map(len, told))
        limit = look.columns - width - 5
        for name, said in told.items():
            text = said if files else render(said, look)
            if not files and len(text) > limit:
                text = f"{text[:limit]}..."
            print_text(f"{name:{width}} {text:{limit}}")


def _listed(known: Catalogue, kind: str, only: Sequence[str]) -> Mapping[str, Located]:
    from stella_ops.plugin_docs import ours

    found = _collected(known, kind, only)
    if not only and not called_as_ansible():
        for name in ours.others(kind):
            located = None if name in found else known.find(kind, name.rpartition(".")[2])
            if located is not None:
                found.setdefault(name, located)
    return dict(sorted(found.items()))


def _collected(known: Catalogue, kind: str, only: Sequence[str]) -> dict[str, Located]:
    """All plug-ins of a kind, or those of some collections.

    Raises:
        StellaError: there is no such collection.
    """
    from stella_ops.collections.reference import is_collection

    for name in only:
        if not is_collection(name):
            raise StellaError(f"Invalid collection name (must be of the form namespace.collection): {name}")
    try:
        return known.listed(kind, only)
    except LookupError as missing:
        name = missing.args[0]
        raise StellaError(
            f"Cannot use supplied collection '{name}': unable to locate collection {name}",
            hint=None if called_as_ansible() else f"looked in {known.collections.searched()}",
        ) from None


def _description(name: str, located: Located) -> str | None:
    from stella_ops.plugin_docs.documents import description

    try:
        return description(located)
    except ValueError as problem:
        click.echo(f"[WARNING]: {name} has a documentation formatting error: {problem}", err=True)
        return None


def show_pages(kind: str, found: Documents, look: Look) -> None:
    """Print pages.

    Raises:
        StellaError: one says something in a form that has no meaning.
    """
    from stella_ops.cli.doc import print_text
    from stella_ops.plugin_docs.options import UnfitDocumentation
    from stella_ops.plugin_docs.page import page

    pages = []
    for name, told in found.items():
        if not called_as_ansible():  # ansible-doc cannot do without one
            told["doc"].setdefault("description", told["doc"].get("short_description", []))
        try:
            pages.append(page(told, kind, look))
        except (UnfitDocumentation, AttributeError, KeyError, TypeError, ValueError) as problem:
            raise StellaError(f"Unable to retrieve documentation from '{name}': {problem}") from None
    if pages:
        print_text("".join(pages))


def show_snippets(kind: str, found: Documents, look: Look) -> None:
    """Print snippets.

    Raises:
        StellaError: there are none of that kind.
    """
    from stella_ops.cli.doc import print_text
    from stella_ops.plugin_docs.snippets import KINDS, snippet

    if kind not in KINDS:
        raise StellaError(f"Snippets are only available for the following plugin types: {', '.join(KINDS)}")
    texts = []
    for name, told in found.items():
        try:
            texts.append(snippet(name, kind, told["doc"], look))
        except ValueError as problem:
            click.echo(f"[WARNING]: Unable to construct a snippet for '{name}': {problem}", err=True)
    if texts:
        print_text("".join(texts))
