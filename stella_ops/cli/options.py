"""Options that several commands share, under the names Ansible users know."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _together(*decorators: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def apply(command: Command) -> Command:
        return functools.reduce(lambda made, decorate: decorate(made), reversed(decorators), command)

    return apply


vault_options = _together(
    click.option(
        "--vault-id",
        "vault_ids",
        multiple=True,
        metavar="[LABEL@]SOURCE",
        help="A vault password: of a file, a program that prints it, or 'prompt'. May be given several times.",
    ),
    click.option(
        "--vault-password-file",
        "--vault-pass-file",
        "vault_password_files",
        multiple=True,
        metavar="FILE",
        help="File with a vault password, or program that prints it.",
    ),
    click.option(
        "-J",
        "--ask-vault-password",
        "--ask-vault-pass",
        "ask_vault_pass",
        is_flag=True,
        help="Ask for a vault password.",
    ),
)

source_options = _together(
    vault_options,
    click.option(
        "-i",
        "--inventory",
        "--inventory-file",
        "inventories",
        multiple=True,
        metavar="PATH",
        help="Inventory file or folder, or host names with commas ('web1,web2,'). May be given several times.",
    ),
    click.option("-l", "--limit", metavar="PATTERN", help="Only the hosts that this pattern means, too."),
)

inventory_options = _together(
    source_options,
    click.option("--flush-cache", is_flag=True, help="Forget the facts that are kept of every host of the inventory."),
)

become_password_options = _together(
    click.option("-K", "--ask-become-pass", is_flag=True, help="Ask for the password that this takes."),
    click.option(
        "--become-password-file",
        "--become-pass-file",
        metavar="FILE",
        help="Read that password from a file.",
    ),
)

connection_options = _together(
    click.option("-u", "--user", "remote_user", metavar="USER", help="User to log in as."),
    click.option("--private-key", "--key-file", "private_key", metavar="FILE", help="Private key to log in with."),
    click.option("-k", "--ask-pass", is_flag=True, help="Ask for the login password."),
    click.option(
        "--connection-password-file",
        "--conn-pass-file",
        metavar="FILE",
        help="Read the login password from a file.",
    ),
    click.option("-c", "--connection", metavar="KIND", help="ssh (default) or local."),
    click.option("-T", "--timeout", type=click.FloatRange(min=0.1), help="Seconds to connect. [default: 10]"),
    click.option(
        "--accept-new-host-keys",
        is_flag=True,
        help="Accept and record the host keys of hosts that are not known yet. A key that changed is always refused.",
    ),
    click.option("-b", "--become", is_flag=True, default=None, help="Run as another user."),
    click.option("--become-user", metavar="USER", help="The other user. [default: root]"),
    click.option("--become-method", metavar="METHOD", help="How: sudo (default), su, doas, sudosu …"),
    become_password_options,
    click.option("--ssh-common-args", metavar="ARGS", help="OpenSSH options, such as '-o ProxyJump=gate'."),
    click.option("--ssh-extra-args", metavar="ARGS", help="More of them."),
    click.option("--sftp-extra-args", metavar="ARGS", help="Accepted: files travel over the one connection."),
    click.option("--scp-extra-args", metavar="ARGS", help="Accepted: files travel over the one connection."),
)

extra_vars_option = click.option(
    "-e",
    "--extra-vars",
    multiple=True,
    metavar="VARS",
    help="Variables over all others: key=value, YAML or JSON in one argument, or @FILE.",
)

module_path_option = click.option(
    "-M",
    "--module-path",
    multiple=True,
    metavar="FOLDERS",
    help="Folders of modules to look in first, with colons between. [default: ANSIBLE_LIBRARY]",
)

run_options = _together(
    click.option("-f", "--forks", type=click.IntRange(min=1), help="Hosts to work on at once. [default: 50]"),
    extra_vars_option,
    module_path_option,
    click.option("--task-timeout", type=click.IntRange(min=0), metavar="SECONDS", help="The longest a task may take."),
    click.option("-v", "--verbose", count=True, help="Show more; up to -vvv."),
    click.option(
        "--live/--no-live",
        "live",
        default=None,
        help="Show what command, shell, script and raw print while they run: below the task on a terminal, else on "
        "standard error; with --output json as events. [default: on terminals]",
    ),
    click.option(
        "--report",
        "reports",
        multiple=True,
        metavar="KIND=PATH",
        help="Write what came of the run to a file: junit=PATH or json=PATH. May be given several times.",
    ),
    click.option(
        "--detailed-exitcode",
        is_flag=True,
        help="Exit status 0 without changes, 2 with changes (pending ones under --check), 1 when anything failed.",
    ),
    click.option(
        "--output",
        type=click.Choice(["human", "json", "junit"]),
        default="human",
        help="json: every event as a line of JSON on standard output; junit: a JUnit document there at the end.",
    ),
)

check_options = _together(
    click.option("-C", "--check", is_flag=True, help="Change nothing; tell what would change."),
    click.option("-D", "--diff", is_flag=True, help="Show what changes inside files."),
)
