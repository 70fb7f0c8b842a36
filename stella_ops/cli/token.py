"""``stella-ops token``: bootstrap tokens, which turn hosts into agents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stella_ops.agents.fleet import Fleet
    from stella_ops.agents.token_views import TokenView

_FORMAT = click.option(
    "--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@click.group()
def token() -> None:
    """Bootstrap tokens: list, show, revoke. They are made by: stella-ops agent bootstrap."""


@token.command(
    name="list",
    epilog="""\b
Examples:
  stella-ops token list
  stella-ops token list --all --format json | jq -r '.[] | select(.status == "used") | .agent_name'""",
)
@click.option("--all", "everything", is_flag=True, help="Used, expired and revoked ones, too.")
@_FORMAT
def list_tokens(everything: bool, output_format: str) -> int:
    """List the tokens that may still be used."""
    with _fleet() as fleet:
        found = fleet.tokens.list(everything=everything)
    if output_format == "json":
        click.echo(json.dumps([view.to_json() for view in found], indent=2))
    elif found:
        click.echo(_table(found))
    else:
        click.echo("No tokens. Make one: stella-ops agent bootstrap --name NAME --env ENVIRONMENT", err=True)
    return 0


@token.command(
    epilog="""\b
Examples:
  stella-ops token show 0123456789abcdef
  stella-ops token show 0123456789abcdef --format json"""
)
@click.argument("token_id", metavar="ID")
@_FORMAT
def show(token_id: str, output_format: str) -> int:
    """Show a token: what it is for, and which keys it has enrolled. Its secret is nowhere to be had again."""
    with _fleet() as fleet:
        found = fleet.tokens.show(token_id).to_json()
    if output_format == "json":
        click.echo(json.dumps(found, indent=2))
        return 0
    width = max(map(len, found))
    for key, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k}={v}" for k, v in sorted(value.items()))
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        click.echo(f"{key.replace('_', ' '):<{width}}  {'-' if value in (None, '') else value}")
    return 0


@token.command(
    epilog="""\b
Examples:
  stella-ops token revoke 0123456789abcdef
  stella-ops token revoke --all"""
)
@click.argument("token_ids", metavar="ID...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every token that may still be used.")
@click.option("-C", "--check", is_flag=True, help="Change nothing; tell which would be revoked.")
def revoke(token_ids: tuple[str, ...], everything: bool, check: bool) -> int:
    """Make tokens useless. Agents that they have enrolled already stay what they are."""
    if bool(token_ids) == everything:
        raise click.UsageError("name tokens by their ids, or give --all")
    with _fleet() as fleet:
        views = fleet.tokens.list() if everything else [fleet.tokens.show(token_id) for token_id in token_ids]
        for view in views:
            if view.status == "revoked":
                click.echo(f"{view.id}  {view.agent_name} ({view.environment}): revoked before")
            elif check:
                click.echo(f"{view.id}  {view.agent_name} ({view.environment}): would be revoked")
            else:
                fleet.tokens.revoke(view.id, by=fleet.actor)
                click.echo(f"{view.id}  {view.agent_name} ({view.environment}): revoked")
    return 0


@contextmanager
def _fleet() -> Iterator[Fleet]:
    import asyncio

    from stella_ops.agents.fleet import Fleet
    from stella_ops.cli.secrets import REDACTOR
    from stella_ops.settings import load_project

    fleet = Fleet(load_project(), redactor=REDACTOR)
    try:
        yield fleet
    finally:
        asyncio.run(fleet.close())


def _table(tokens: list[TokenView]) -> str:
    from tabulate import tabulate

    rows = [
        (
            view.id,
            view.agent_name,
            view.environment,
            view.binding.platform or "push",
            view.status,
            f"{view.uses}/{view.max_uses}",
            f"{view.expires_at:%Y-%m-%d %H:%M:%S}Z",
            view.created_by,
        )
        for view in tokens
    ]
    headers = ("ID", "AGENT", "ENVIRONMENT", "PLATFORM", "STATUS", "USES", "EXPIRES", "MADE BY")
    return tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True)
