"""``stella-ops init``: a project folder to start from."""

from __future__ import annotations

from pathlib import Path

import click

_TOML = """\
# The project of a fleet. Every setting has a default; what is commented out shows it.

[defaults]
inventory = "inventory"
# forks = 50
# timeout = "10s"
# remote_user = "ops"
# private_key_file = "~/.ssh/id_ed25519"

[agent]
environment = "default"
# capabilities = ["health_check"]
# heartbeat_interval = "30s"

[tokens]
# ttl = "15m"

[ca]
# Where the passphrase of the authority's keys comes from. Without one the keys are protected by their file
# mode alone.
# passphrase_file = "/etc/stella-ops/ca-passphrase"
# passphrase_env = "STELLA_CA_PASSPHRASE"

[ssh]
# Authorities whose certificates on host keys are trusted: host patterns and a public key.
# host_ca = ["*.example.com ssh-ed25519 AAAA..."]

[store]
# url = "postgresql+psycopg://user@server/stella"
"""

_HOSTS = """\
# Your hosts, in the syntax of Ansible's YAML inventories.
all:
  hosts: {}
  # hosts:
  #   web1:
  #     ansible_host: 192.0.2.11
  #     ansible_user: ops
  #     ansible_become: true
  # vars:
  #   stella_environment: production
"""


@click.command(
    epilog="""\b
Examples:
  stella-ops init fleet
  cd fleet && $EDITOR inventory/hosts.yml && stella-ops play bootstrap.yml"""
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> int:
    """Make a project folder: stella.toml, inventory/, playbooks/ and .stella/. What is there is kept."""
    from stella_ops.errors import UsageError
    from stella_ops.settings import load_project

    try:
        for name in ("inventory", "playbooks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        made = [
            path
            for path, text in ((folder / "stella.toml", _TOML), (folder / "inventory" / "hosts.yml", _HOSTS))
            if _write_new(path, text)
        ]
    except OSError as problem:
        raise UsageError(f"cannot make the project folder {folder}: {problem.strerror}") from None
    load_project(folder).ensure_state_dir()
    for path in made:
        click.echo(f"made {path}")
    if not made:
        click.echo(f"{folder} is a project already")
    click.echo(f"\nNext: cd {folder}, name your hosts in inventory/hosts.yml, and run")
    click.echo("  stella-ops run all -m ping")
    click.echo("  stella-ops play bootstrap.yml")
    return 0


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet; False when it is."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
