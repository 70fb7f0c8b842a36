"""``stella-ops doc``: what a module does and takes, from its own source."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli.ansible_programs import AnsibleCommand
from stella_ops.cli.versions import version_option
from stella_ops.errors import OptionsError, UsageError

if TYPE_CHECKING:
    from stella_ops.module_docs import ModuleDoc


@click.command(
    cls=AnsibleCommand,
    epilog="""\b
Examples:
  stella-ops doc file                what it does, and its parameters
  stella-ops doc --list              all modules: built in, and beside the playbooks here
  stella-ops doc -M library note     a module of a folder
  stella-ops doc community.general.ufw   a module of an installed collection
  stella-ops doc -s copy             a task to begin with
  stella-ops doc -t filter combine   a filter, test or lookup that is built in
  stella-ops doc -t lookup --list
  stella-ops doc -t role -r roles web    the entry points and options of a role
  stella-ops doc copy --format json""",
)
@version_option("doc")
@click.argument("modules", nargs=-1, metavar="MODULE...")
@click.option("-l", "--list", "listed", is_flag=True, help="Name all modules, with a line about each.")
@click.option("-M", "--module-path", multiple=True, metavar="FOLDERS", help="Folders of modules to look in first.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-s", "--snippet", is_flag=True, help="A task to copy, with every parameter.")
@click.option("-j", "--json", "as_json", is_flag=True, help="JSON in the form of ansible-doc.")
@click.option("-t", "--type", "kind", default="module", metavar="TYPE", help="module, filter, test, lookup or role.")
@click.option("-r", "--roles-path", multiple=True, metavar="FOLDERS", help="Folders of roles to look in first.")
@click.option("-e", "--entry-point", metavar="NAME", help="Only this entry point of roles.")
@click.option("-v", "--verbose", count=True, hidden=True)
def doc(
    modules: tuple[str, ...],
    listed: bool,
    module_path: tuple[str, ...],
    style: str,
    snippet: bool,
    as_json: bool,
    kind: str,
    roles_path: tuple[str, ...],
    entry_point: str | None,
    verbose: int,
) -> int:
    """Show what a module, filter, test, lookup or role does and takes."""
    from stella_ops import collections
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.cli.collections import print_notices, use_collections
    from stella_ops.cli.modules import module_index, source_of
    from stella_ops.cli.workplace import module_environment
    from stella_ops.collections.resolving import explain
    from stella_ops.module_docs import read_doc
    from stella_ops.module_folders import folders_beside, split_paths
    from stella_ops.playbook.module_names import canonical
    from stella_ops.spelling import did_you_mean
    from stella_ops.templating.plugin_docs import KINDS

    if kind not in ("module", "role", *KINDS):
        raise UsageError(
            f"there is documentation of modules, filters, tests, lookups and roles, not of type '{kind}'",
            hint=f"-t module, {', '.join(KINDS)}, role",
        )
    if not listed and not modules:
        raise OptionsError("Missing name(s), incorrect options passed for detailed documentation.")
    if kind == "role":
        return _roles(modules, listed, roles_path, entry_point, style == "json" or as_json)
    if kind in KINDS:
        _show(_plugins(kind, modules, listed), listed, style, snippet, as_json)
        return 0
    named = [folder for text in module_path for folder in split_paths(text)]
    settings = read_ansible_settings(os.environ, Path.cwd())
    folders = folders_beside([Path("playbook.yml")], named, (), module_environment(settings))
    use_collections(settings, [Path.cwd()])
    index = module_index(folders)
    names = list(index.names())
    if listed and modules:  # a collection's
        names = names if {"ansible.builtin", "ansible.legacy"} & set(modules) else []
    found = []
    for name in names if listed else [canonical(module, index) for module in modules]:
        path = source_of(name, folders)
        if path is None:
            why = explain(collections.current(), "modules", name)
            if why is not None:
                raise UsageError(f"there is no module '{name}'", hint=why)
            hint = did_you_mean(name, names)
            click.echo(f"[WARNING]: {name} was not found{'; ' + hint if hint else ''}", err=True)
            continue
        found.append(read_doc(name, path))
    print_notices(settings)
    _show(found, listed, style, snippet, as_json)
    return 0


def _roles(names: tuple[str, ...], listed: bool, roles_path: tuple[str, ...], point: str | None, as_json: bool) -> int:
    """Show roles that have a specification of their arguments."""
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.cli.collections import use_collections
    from stella_ops.cli.doc_roles import find_roles, show_roles
    from stella_ops.cli.workplace import roles_path as known_folders
    from stella_ops.module_folders import split_paths

    settings = read_ansible_settings(os.environ, Path.cwd())
    use_collections(settings, [Path.cwd()])
    folders = [*(folder for text in roles_path for folder in split_paths(text)), *known_folders(Path.cwd(), settings)]
    found = find_roles(folders, () if listed else names)
    if listed and names:  # a collection's
        found = [role for role in found if role.collection in names]
    show_roles(found, listed=listed, point=point, as_json=as_json)
    return 0


def _plugins(kind: str, names: tuple[str, ...], listed: bool) -> list[ModuleDoc]:
    """What is built in of a kind, or what of it has these names."""
    from stella_ops.module_docs import ModuleDoc
    from stella_ops.spelling import did_you_mean
    from stella_ops.templating.plugin_docs import about, built_in, find

    known = built_in(kind)
    wanted = sorted(name for name in known if not names or name.startswith(names)) if listed else list(names)
    found = []
    for name in wanted:
        function = find(kind, name)
        if function is None:
            hint = did_you_mean(name, known)
            click.echo(f"[WARNING]: {name} was not found{'; ' + hint if hint else ''}", err=True)
            continue
        short, description, options, path = about(function)
        found.append(ModuleDoc(name, path, short, description, options))
    return found


def _show(found: list[ModuleDoc], listed: bool, style: str, snippet: bool, as_json: bool) -> None:
    if as_json:
        shown = {each.name: each.short if listed else _as_ansible_doc(each) for each in found}
        click.echo(json.dumps(shown, indent=4, sort_keys=True, default=str))
    elif snippet:
        click.echo("\n".join(_snippet(each) for each in found))
    elif style == "json":
        told = {each.name: each.short if listed else each.as_dict() for each in found}
        click.echo(json.dumps(told, indent=2, default=str))
    elif listed:
        width = max((len(each.name) for each in found), default=0)
        for each in found:
            click.echo(f"{each.name:{width}}  {each.short}".rstrip())
    elif found:
        click.echo("\n\n".join(_text(each) for each in found))


def _as_ansible_doc(told: ModuleDoc) -> dict[str, Any]:
    if told.written:
        from stella_ops.cli.doc_of_others import as_ansible_doc

        return as_ansible_doc(told)
    options = {
        name: {
            **{key: value for key, value in option.items() if key != "doc"},
            "description": [option["doc"]] if option.get("doc") else option.get("description", []),
            "type": option.get("type") or "str",
        }
        for name, option in told.options.items()
    }
    return {
        "doc": {
            "module": told.name,
            "short_description": told.short,
            "description": list(told.description),
            "filename": str(told.path),
            "options": options,
        },
        "examples": told.examples or None,
        "metadata": None,
        "return": told.returns or None,
    }


def _snippet(told: ModuleDoc) -> str:
    lines = [f"- name: {told.short or told.name}", f"  {told.name}:"]
    for name, option in told.options.items():
        note = "(required) " if option.get("required") else ""
        lines.append(f"      {name + ':':<20} # {note}{option.get('doc') or ''}".rstrip(" #"))
    return "\n".join(lines)


def _text(told: ModuleDoc) -> str:
    lines = [f"{told.name.upper()}  ({told.path})", "", told.short or "It says nothing of itself.", *told.description]
    if told.options:
        lines += ["", "Parameters:"]
    for name, option in told.options.items():
        notes = [str(option.get("type") or "str")]
        if option.get("elements"):
            notes[0] += f" of {option['elements']}"
        if option.get("required"):
            notes.append("required")
        if option.get("default") is not None:
            notes.append(f"default: {option['default']}")
        if option.get("choices"):
            notes.append(f"one of: {', '.join(map(str, option['choices']))}")
        if option.get("aliases"):
            notes.append(f"also: {', '.join(map(str, option['aliases']))}")
        lines.append(f"  {name}  ({'; '.join(notes)})")
        if option.get("doc"):
            lines.append(f"      {option['doc']}")
    if told.examples:
        lines += ["", "Examples:", *(f"  {line}" for line in told.examples.strip("\n").splitlines())]
    if told.returns:
        lines += ["", "Returns:"]
        for name, value in told.returns.items():
            text = value.get("description", "") if isinstance(value, dict) else value
            lines.append(f"  {name}  {' '.join(map(str, text)) if isinstance(text, list) else text}".rstrip())
    return "\n".join(lines)
