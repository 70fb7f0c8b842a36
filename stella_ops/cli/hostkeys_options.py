"""Options and words that the ``hostkeys`` commands share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stella_ops.cli.workplace import Choices

TARGETS = ("store", "inventory", "known_hosts")

FORMAT = click.option(
    "--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True
)
PATTERN = click.argument("pattern", default="all")
CHECK = click.option("-C", "--check", is_flag=True, help="Change nothing; tell what would change.")
YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
KNOWN_HOSTS_FILE = click.option(
    "--known-hosts",
    "known_hosts",
    metavar="FILE",
    default="~/.ssh/known_hosts",
    show_default=True,
    help="The file for known_hosts.",
)


def source_options(command: Any) -> Any:
    """What keys are compared with."""
    for option in (
        click.option("--dns-server", metavar="ADDRESS[:PORT]", help="Ask this resolver. [default: the system's]"),
        click.option("--sshfp", is_flag=True, help="Compare with SSHFP records of the DNS."),
        click.option(
            "--console-list",
            "console_lists",
            multiple=True,
            metavar="[HOST=]FILE",
            help="Compare with a list from another way: ssh-keygen -lf, known_hosts lines, or cloud-init's console "
            "output. HOST= says whose console it is.",
        ),
    ):
        command = option(command)
    return command


def choices_of(given: dict[str, Any]) -> Choices:
    """The shared options, as the library takes them."""
    from stella_ops.cli.workplace import Choices

    return Choices(**given)


def on_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def quoted(pattern: str) -> str:
    """A pattern as a shell takes it."""
    import shlex

    return shlex.quote(pattern)
