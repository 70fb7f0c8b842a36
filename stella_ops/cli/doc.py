"""``stella-ops doc``: what modules, plug-ins, roles and keywords do and take, in the forms of ansible-doc."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli.ansible_programs import AnsibleCommand, called_as_ansible
from stella_ops.cli.versions import headlines, version_option
from stella_ops.errors import OptionsError, StellaError
from stella_ops.plugin_docs import kinds

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings
    from stella_ops.plugin_docs.look import Look

_EXCLUSIVE = {
    "entry_point": "-e/--entry-point",
    "snippet": "-s/--snippet",
    "list_files": "-F/--list_files",
    "listed": "-l/--list",
    "dump": "--metadata-dump",
}


@click.command(
    cls=AnsibleCommand,
    epilog="""\b
Examples:
  stella-ops doc file                what it does, and its parameters
  stella-ops doc --list              all modules: built in, of collections, and beside the playbooks here
  stella-ops doc -F ansible.posix    the files of a collection's modules
  stella-ops doc -M library note     a module of a folder
  stella-ops doc community.general.ufw   a module of an installed collection
  stella-ops doc -s copy             a task to begin with
  stella-ops doc -t filter combine   a filter; also test, lookup, and plug-ins that are not run here
  stella-ops doc -t callback --list
  stella-ops doc -t keyword serial   a keyword of plays, blocks or tasks
  stella-ops doc -t role -r roles web    the entry points and options of a role
  stella-ops doc copy --json""",
)
@version_option("doc")
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("-l", "--list", "listed", is_flag=True, help="Name all, or all of collections, with a line about each.")
@click.option("-F", "--list_files", is_flag=True, help="Name all, or all of collections, with the file of each.")
@click.option("-M", "--module-path", multiple=True, metavar="FOLDERS", help="Folders to look in first.")
@click.option("--playbook-dir", metavar="FOLDER", help="Look for plug-ins beside the playbooks of this folder.")
@click.option("-s", "--snippet", is_flag=True, help="A task to copy, with every parameter.")
@click.option("-j", "--json", "as_json", is_flag=True, help="JSON in the form of ansible-doc.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="json is --json.")
@click.option("-t", "--type", "kind", default="module", metavar="TYPE", help=f"One of {', '.join(kinds.ALL)}.")
@click.option("-r", "--roles-path", multiple=True, metavar="FOLDERS", help="Folders of roles to look in first.")
@click.option("-e", "--entry-point", metavar="NAME", help="Only this entry point of roles.")
@click.option("--metadata-dump", "dump", is_flag=True, help="JSON of everything there is, of all types.")
@click.option("--no-fail-on-errors", "lenient", is_flag=True, help="With --metadata-dump: errors are part of the JSON.")
@click.option("-v", "--verbose", count=True, hidden=True)
@click.pass_context
def doc(
    context: click.Context,
    names: tuple[str, ...],
    listed: bool,
    list_files: bool,
    module_path: tuple[str, ...],
    playbook_dir: str | None,
    snippet: bool,
    as_json: bool,
    style: str,
    kind: str,
    roles_path: tuple[str, ...],
    entry_point: str | None,
    dump: bool,
    lenient: bool,
    verbose: int,
) -> int:
    """Show what a module, plug-in, role or keyword does and takes."""
    _check(context, kind)
    listing = listed or list_files
    if not (listing or dump or names):
        raise OptionsError("Missing name(s), incorrect options passed for detailed documentation.")
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.cli import doc_plugins, doc_roles
    from stella_ops.cli.collections import print_notices
    from stella_ops.plugin_docs.keywords import keywords

    settings = read_ansible_settings(os.environ, Path.cwd())
    look = _look(settings, verbose)
    if called_as_ansible():
        click.echo(headlines(settings, verbose), nl=False)
    as_json = as_json or style == "json"
    beside = settings.choose("PLAYBOOK_DIR", Path(playbook_dir) if playbook_dir else None)
    catalogue = doc_plugins.catalogue(settings, beside, module_path)
    if dump:
        told = doc_plugins.dump(catalogue, settings, names, lenient)
        told["role"] = doc_roles.dump(doc_roles.folders(roles_path, beside, settings), names, lenient)
        told["keyword"] = dict(keywords())
        print_json({"all": told})
    elif kind == "role":
        found = doc_roles.find_roles(doc_roles.folders(roles_path, beside, settings), () if listing else names)
        found = [role for role in found if not listing or not names or role.collection in names]
        doc_roles.show_roles(found, listed=listing, point=entry_point, as_json=as_json, look=look)
    elif kind == "keyword":
        _keywords(names, listing, as_json, look)
    elif listing:
        doc_plugins.show_list(catalogue, kind, names, files=list_files, as_json=as_json, look=look)
    else:
        pages = doc_plugins.documents(catalogue, settings, kind, names)
        print_notices(settings)
        if as_json:
            print_json(pages)
        elif snippet:
            doc_plugins.show_snippets(kind, pages, look)
        else:
            doc_plugins.show_pages(kind, pages, look)
        return 0
    print_notices(settings)
    return 0


def _check(context: click.Context, kind: str) -> None:
    """Raise UsageError for a type that there is not, and options that go not together."""
    if kind not in kinds.ALL:
        known = ", ".join(map(repr, kinds.ALL))
        raise click.UsageError(f"argument -t/--type: invalid choice: {kind!r} (choose from {known})", context)
    given = [name for name, value in context.params.items() if name in _EXCLUSIVE and value]
    if len(given) > 1:
        raise click.UsageError(
            f"argument {_EXCLUSIVE[given[1]]}: not allowed with argument {_EXCLUSIVE[given[0]]}", context
        )


def _look(settings: AnsibleSettings, verbose: int) -> Look:
    from stella_ops.console.stream import wants_color
    from stella_ops.plugin_docs.look import COLORS, Look, terminal_columns

    no_color, forced = settings.choose("ANSIBLE_NOCOLOR"), settings.choose("ANSIBLE_FORCE_COLOR")
    theirs = called_as_ansible()
    plain = bool(no_color) if theirs else not wants_color(sys.stdout)
    chosen = {name: settings.choose(f"COLOR_DOC_{name.upper()}", default=color) for name, color in COLORS.items()}
    return Look(terminal_columns(), plain, bool(forced) or wants_color(sys.stdout), verbose, chosen)


def _keywords(names: Sequence[str], listing: bool, as_json: bool, look: Look) -> None:
    from stella_ops.plugin_docs.keywords import keywords
    from stella_ops.plugin_docs.markup import render
    from stella_ops.plugin_docs.options import dump

    known = keywords()
    told: Mapping[str, Any] = {name: about["description"] for name, about in known.items()}
    if not listing:
        for name in names:
            if name not in known:
                click.echo(f"[WARNING]: Skipping invalid keyword '{name}': '{name}'", err=True)
        told = {name: dict(known[name]) for name in names if name in known}
    if as_json:
        print_json(told)
    elif told:
        print_text(render(dump(dict(told)), look))


def print_text(text: str) -> None:
    """Print a text that may end with a line break, with its escape sequences wherever it goes."""
    click.echo(text, nl=not text.endswith("\n"), color=True)


def print_json(told: Any) -> None:
    """Print something as ansible-doc does.

    Raises:
        StellaError: it has no form in JSON.
    """
    try:
        click.echo(json.dumps(told, indent=4, sort_keys=True, default=str))
    except TypeError as problem:
        said = "We could not convert all the documentation into JSON as there was a conversion issue."
        raise StellaError(f"{said}: {problem}") from None
