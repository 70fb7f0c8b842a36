"""``stella-ops ca``: the fleet's certificate authority."""

from __future__ import annotations

import json

import click


@click.group()
def ca() -> None:
    """The fleet's certificate authority. It is made on first use."""


@ca.command(
    epilog="""\b
Examples:
  stella-ops ca show
  stella-ops ca show --pem > ca.pem"""
)
@click.option("--pem", is_flag=True, help="Only the root certificate, as PEM.")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(pem: bool, output_format: str) -> int:
    """Show the authority's certificates and its pin."""
    import asyncio

    from stella_ops.agents.fleet import Fleet
    from stella_ops.redaction import Redactor
    from stella_ops.settings import load_project

    def warn(message: str) -> None:
        click.echo(f"[WARNING]: {message}", err=True)

    # Not the authority alone: its making is told in the audit trail.
    fleet = Fleet(load_project(), redactor=Redactor(), warn=warn)
    try:
        authority = fleet.authority
    finally:
        asyncio.run(fleet.close())
    if pem:
        click.echo(authority.root_pem, nl=False)
    elif output_format == "json":
        click.echo(json.dumps(authority.describe(), indent=2, default=str))
    else:
        _tell(authority.describe())
    return 0


def _tell(described: dict[str, object], indent: str = "") -> None:
    for key, value in described.items():
        if isinstance(value, dict):
            click.echo(f"{indent}{key.replace('_', ' ')}:")
            _tell(value, indent + "  ")
        else:
            click.echo(f"{indent}{key.replace('_', ' ')}: {value}")
