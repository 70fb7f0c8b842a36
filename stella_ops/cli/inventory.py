"""``stella-ops inventory``: what an inventory means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from stella_ops.cli import options


@click.command(
    epilog="""\b
Examples:
  stella-ops inventory -i hosts.ini --graph
  stella-ops inventory -i inventory --host web1"""
)
@options.inventory_options
@click.option("--list", "as_list", is_flag=True, help="Everything, as JSON.")
@click.option("--graph", is_flag=True, help="Groups and hosts as a tree.")
@click.option("--host", metavar="NAME", help="The variables of one host, as JSON.")
def inventory(as_list: bool, graph: bool, host: str | None, **given: Any) -> int:
    """Show what an inventory means."""
    from stella_ops.cli.execution import Choices, prepare
    from stella_ops.errors import UsageError

    if as_list + graph + bool(host) != 1:
        raise UsageError("choose one of --list, --graph and --host")
    workplace = prepare(Choices(**given))
    found = workplace.inventory
    for warning in found.warnings:
        click.echo(f"[WARNING]: {warning}", err=True)
    if host:
        found.host(host)
        click.echo(json.dumps(found.variables(host, Path.cwd()), indent=4, sort_keys=True, default=_as_json))
    elif graph:
        click.echo("\n".join(_graph(found, "all", 0)))
    else:
        click.echo(json.dumps(_listing(found), indent=4, sort_keys=True, default=_as_json))
    return 0


def _as_json(value: Any) -> Any:
    from stella_ops.origins import SourceVault

    return {"__ansible_vault": value.ciphertext} if isinstance(value, SourceVault) else str(value)


def _graph(found: Any, group: str, depth: int) -> Iterator[str]:
    """The tree as ansible-inventory draws it."""
    lead = "  |" * depth
    yield f"{lead}--@{group}:" if depth else f"@{group}:"
    for child in sorted(found.groups[group].children):
        yield from _graph(found, child, depth + 1)
    for host in found.groups[group].hosts:
        yield f"{'  |' * (depth + 1)}--{host}"


def _listing(found: Any) -> dict[str, Any]:
    """The form that inventory scripts print."""
    listed: dict[str, Any] = {"_meta": {"hostvars": {name: found.variables(name, Path.cwd()) for name in found.hosts}}}
    for name, group in found.groups.items():
        content: dict[str, Any] = {}
        if group.hosts:
            content["hosts"] = list(group.hosts)
        if group.children:
            content["children"] = list(group.children)
        if content:
            listed[name] = content
    return listed
