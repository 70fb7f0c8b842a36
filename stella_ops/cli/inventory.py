"""``stella-ops inventory``: what an inventory means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stella_ops.cli import options
from stella_ops.cli.ansible_programs import AnsibleCommand
from stella_ops.cli.versions import version_option


@click.command(
    cls=AnsibleCommand,
    epilog="""\b
Examples:
  stella-ops inventory -i hosts.ini --graph
  stella-ops inventory -i hosts.ini --graph web --vars
  stella-ops inventory -i inventory --host web1
  stella-ops inventory -i inventory --list --yaml --export --output hosts.yml

\b
Exit status: 0 fine, 1 nothing to show, 4 the inventory is wrong, 5 options that do not go together.""",
)
@version_option("inventory")
@click.argument("group", required=False)
@options.inventory_options
@click.option("--list", "as_list", is_flag=True, help="Everything, as JSON.")
@click.option("--graph", is_flag=True, help="Groups and hosts as a tree: all of them, or those below GROUP.")
@click.option("--host", metavar="NAME", help="The variables of one host, as JSON.")
@click.option("-y", "--yaml", "as_yaml", is_flag=True, help="YAML in place of JSON.")
@click.option("--toml", "as_toml", is_flag=True, help="TOML in place of JSON.")
@click.option("--vars", "with_vars", is_flag=True, help="With --graph: variables too.")
@click.option("--export", is_flag=True, help="With --list: variables where they are written, not merged into hosts.")
@click.option("--output", "output_file", metavar="FILE", help="Write to a file instead of the screen.")
@click.option("--playbook-dir", metavar="FOLDER", help="The folder whose group_vars and host_vars count, too.")
@click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help="Variables over all others; see play --help.")
@click.option("-v", "--verbose", count=True, help="Show more of what goes wrong.")
def inventory(
    group: str | None,
    as_list: bool,
    graph: bool,
    host: str | None,
    as_yaml: bool,
    as_toml: bool,
    with_vars: bool,
    export: bool,
    output_file: str | None,
    playbook_dir: str | None,
    **given: Any,
) -> int:
    """Show what an inventory means."""
    from stella_ops import atomic_files
    from stella_ops.cli import inventory_forms as forms
    from stella_ops.cli.collections import print_notices
    from stella_ops.cli.limiting import check_limit
    from stella_ops.cli.workplace import Choices, prepare
    from stella_ops.engine.reserved_names import warn_of
    from stella_ops.errors import OptionsError, StellaError
    from stella_ops.spelling import did_you_mean

    if as_list + graph + bool(host) > 1:
        raise OptionsError(
            "Conflicting options used, only one of --host, --graph or --list can be used at the same time."
        )
    if not (as_list or graph or host):
        raise OptionsError("No action selected, at least one of --host, --graph or --list needs to be specified.")
    workplace = prepare(Choices(beside=(Path(playbook_dir).absolute(),) if playbook_dir else (), **given))
    found, limit, choose = workplace.inventory, workplace.options.limit, workplace.settings.choose
    if not graph:
        looked_at: set[int] = set()
        warn_of((each.vars for each in found.groups.values()), looked_at)
        warn_of((each.vars for each in found.hosts.values()), looked_at)
    print_notices(workplace.settings)
    told = _tell(found, 0)
    if not host and found.mismatch == "error":
        check_limit(found, limit)
    folder = choose("PLAYBOOK_DIR", Path(playbook_dir) if playbook_dir else None)
    chosen = found.select("all", limit if not host else None) if found.hosts else []
    told = told if graph else _tell(found, told)
    shown = forms.InventoryForms(
        found,
        chosen,
        extra_vars=workplace.options.extra_vars,
        export=export or choose("INVENTORY_EXPORT", default=False),
        playbook_dir=folder if folder is not None else Path.cwd(),
        own_playbook_dir=folder,
    )
    if graph:
        start = group or "all"
        if start not in found.groups:
            hint = did_you_mean(start, found.groups)
            raise OptionsError("Pattern must be valid group name when using --graph", hint=hint)
        text = shown.graph(start, variables=with_vars)
    else:
        data: Any
        if host:
            name = _single_host(found, host)
            data = shown.host(name)
            if name in found.hosts and not (as_yaml or as_toml):
                data = forms.marked(data)
        elif as_yaml:
            data = shown.nested()
        else:
            data = shown.tables() if as_toml else shown.script()
        text = forms.as_yaml(data) if as_yaml else forms.as_toml(data) if as_toml else forms.as_json(data)
    if output_file is None:
        click.echo(text, nl=not text.endswith("\n"))
        return 0
    try:
        atomic_files.deliver(Path(output_file).expanduser(), text)
    except OSError as problem:
        raise StellaError(f"Unable to write to destination file '{output_file}': {problem.strerror}") from None
    return 0


def _tell(found: Any, told: int) -> int:
    """Print the warnings about an inventory that come behind so many; how many there are by now."""
    for warning in found.warnings[told:]:
        click.echo(f"[WARNING]: {warning}", err=True)
    return len(found.warnings)


def _single_host(found: Any, pattern: str) -> str:
    """The one host that a pattern means."""
    from stella_ops.errors import OptionsError, PatternError

    hint, told = None, len(found.warnings)
    try:
        names = found.select(pattern)
    except PatternError as problem:
        names, hint = [], problem.hint
    _tell(found, told)
    if len(names) != 1:
        said = f"'{pattern}' means {len(names)} hosts" if names else f"the inventory has no host '{pattern}'"
        raise OptionsError(f"You must pass a single valid host to --host parameter: {said}", hint=hint)
    return str(names[0])
