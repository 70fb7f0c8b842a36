"""``stella-ops lab``: SSH hosts on this machine."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

_KIND = click.option(
    "--kind",
    type=click.Choice(["embedded", "openssh", "systemd"]),
    default="embedded",
    show_default=True,
    help="embedded: nothing needed; openssh: real sshd processes; systemd: Debian hosts in containers (Docker).",
)
_FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path))


@click.group()
def lab() -> None:
    """SSH hosts on this machine, to try things on.

    They listen on this machine's loopback addresses only.
    """


@lab.command(
    epilog="""\b
Examples:
  stella-ops lab up
  stella-ops lab up --kind systemd --count 5 /tmp/lab
  stella-ops lab up --kind systemd --release bullseye --release trixie --count 2"""
)
@_KIND
@click.option("--count", type=click.IntRange(1, 500), default=3, show_default=True, help="How many hosts.")
@click.option(
    "--release",
    "releases",
    type=click.Choice(["bullseye", "bookworm", "trixie"]),
    multiple=True,
    help="Debian release of new systemd hosts; several are given to the hosts in turn.  [default: bookworm]",
)
@_FOLDER
def up(kind: str, count: int, releases: tuple[str, ...], folder: Path | None) -> int:
    """Start hosts, and write an inventory for them."""
    if releases and kind != "systemd":
        raise click.UsageError("--release is for --kind systemd: other hosts run this machine's own system")
    place = _place(folder, kind)
    more = {"releases": releases} if releases else {}
    made = _room(kind).up(place, count, **more)
    for host in made.hosts:
        click.echo(f"{host.name}  {host.user}@{host.address}:{host.port}")
    click.echo(f"\nInventory: {place / 'inventory.yml'}")
    click.echo(f"Try: stella-ops run all -m ping -i {place / 'inventory.yml'}")
    return 0


@lab.command()
@_KIND
@click.option("--purge", is_flag=True, help="Remove the hosts' folders and keys as well.")
@_FOLDER
def down(kind: str, purge: bool, folder: Path | None) -> int:
    """Stop the hosts, and the agents on them."""
    place = _place(folder, kind)
    for line in _room(kind).down(place, purge=purge):
        click.echo(line)
    return 0


@lab.command()
@_KIND
@_FOLDER
def status(kind: str, folder: Path | None) -> int:
    """Show which hosts run."""
    found = _room(kind).status(_place(folder, kind))
    for name, running in found.items():
        click.echo(f"{name}  {'up' if running else 'down'}")
    if not found:
        click.echo("There is no lab here.")
    return 0 if found and all(found.values()) else 1


def _room(kind: str) -> Any:
    names = {"embedded": "embedded", "openssh": "openssh", "systemd": "systemd_hosts"}
    return importlib.import_module(f"stella_ops.lab.{names[kind]}")


def _place(folder: Path | None, kind: str) -> Path:
    from stella_ops.settings import load_project

    if folder is not None:
        return folder.absolute()
    project = load_project()
    project.ensure_state_dir()
    return project.state_dir / ("lab" if kind == "embedded" else f"lab-{kind}")
