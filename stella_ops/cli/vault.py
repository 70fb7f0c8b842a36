"""``stella-ops vault``: encrypt and decrypt, with the options of ansible-vault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from stella_ops.cli import options
from stella_ops.cli.ansible_programs import AnsibleCommand
from stella_ops.cli.versions import version_option

_FILES = click.argument("files", nargs=-1, metavar="FILE...")
_OUTPUT = click.option("--output", metavar="FILE", help="Write there instead; - is standard output.")
_ENCRYPT_ID = click.option(
    "--encrypt-vault-id", metavar="LABEL", help="The vault id to encrypt with, where there are several."
)
_VERBOSE = click.option("-v", "--verbose", count=True, help="Show tracebacks of errors with -vvv.")


def _command(name: str, epilog: str) -> Callable[[Callable[..., Any]], click.Command]:
    def made(function: Callable[..., Any]) -> click.Command:
        return vault.command(name, cls=AnsibleCommand, epilog=f"\b\nExamples:\n{epilog}")(
            options.vault_options(_VERBOSE(function))
        )

    return made


@click.group(
    epilog="""\b
Exit status: 0 done, 1 a password does not fit or a file is not what it should be, 2 wrong usage."""
)
@version_option("vault")
@click.option("-v", "--verbose", count=True, hidden=True, expose_value=False)
def vault() -> None:
    """Encrypt and decrypt files and values as ansible-vault does, and readable by it.

    Passwords come from --vault-id, --vault-password-file, --ask-vault-pass, or ANSIBLE_VAULT_PASSWORD_FILE and
    ANSIBLE_VAULT_IDENTITY_LIST; where none is named, they are asked for.
    """


@_command(
    "encrypt",
    """  stella-ops vault encrypt group_vars/prod/secrets.yml
  stella-ops vault encrypt --vault-id prod@prod.pass group_vars/prod/secrets.yml
  pg_dumpall -r | stella-ops vault encrypt --output roles.sql.vault -""",
)
@_FILES
@_OUTPUT
@_ENCRYPT_ID
def encrypt(files: tuple[str, ...], output: str | None, **given: Any) -> int:
    """Encrypt files in place; standard input for none, or for -."""
    from stella_ops.cli import vault_acts as acts

    return acts.encrypt(acts.one_input(files, output), output, acts.encrypting(given))


@_command(
    "decrypt",
    """  stella-ops vault decrypt secrets.yml
  stella-ops vault decrypt --output - secrets.yml | yq .db""",
)
@_FILES
@_OUTPUT
def decrypt(files: tuple[str, ...], output: str | None, **given: Any) -> int:
    """Decrypt files in place, for their owner alone to read; standard input for none, or for -.

    To look at a file or change it, 'view' and 'edit' leave nothing readable on the disk.
    """
    from stella_ops.cli import vault_acts as acts

    return acts.decrypt(acts.one_input(files, output), output, acts.decrypting(given))


@_command("view", "  stella-ops vault view --vault-password-file pass secrets.yml")
@_FILES
def view(files: tuple[str, ...], **given: Any) -> int:
    """Show encrypted files, in a pager (PAGER, else less) on a terminal."""
    from stella_ops.cli import vault_acts as acts

    return acts.view(acts.needed(files), acts.decrypting(given))


@_command("edit", "  EDITOR=nano stella-ops vault edit secrets.yml")
@_FILES
@_ENCRYPT_ID
def edit(files: tuple[str, ...], **given: Any) -> int:
    """Edit encrypted files (EDITOR, else vi): in memory, never on the disk.

    Vault id and password stay those of the file. An editor that fails (:cq in Vim) leaves the file as it was.
    """
    from stella_ops.cli import vault_acts as acts

    return acts.edit(acts.needed(files), acts.decrypting(given))


@_command("create", "  stella-ops vault create --vault-id prod@prompt group_vars/prod/secrets.yml")
@_FILES
@_ENCRYPT_ID
@click.option("--skip-tty-check", is_flag=True, help="Open the editor where there is no terminal, too.")
def create(files: tuple[str, ...], skip_tty_check: bool, **given: Any) -> int:
    """Write a new file in the editor, and encrypt it."""
    from stella_ops.cli import vault_acts as acts

    path = acts.new_file(files, skip_tty_check)
    return acts.create(path, acts.encrypting(given))


@_command(
    "rekey",
    """  stella-ops vault rekey --vault-password-file old --new-vault-password-file new secrets.yml
  stella-ops vault rekey --vault-id old.pass --new-vault-id prod@prompt secrets.yml""",
)
@_FILES
@_ENCRYPT_ID
@click.option("--new-vault-password-file", metavar="FILE", help="The new password.")
@click.option("--new-vault-id", metavar="[LABEL@]SOURCE", help="The new password and its vault id.")
def rekey(files: tuple[str, ...], **given: Any) -> int:
    """Encrypt files with another password; every file must open before the first is written."""
    from stella_ops.cli import vault_acts as acts

    named = acts.needed(files)
    keyring = acts.decrypting(given)
    return acts.rekey(named, keyring, acts.new_secret(given))


@_command(
    "encrypt_string",
    """  stella-ops vault encrypt_string --vault-id prod@prod.pass -n db_password --prompt
  pwgen -s 32 1 | tr -d '\\n' | stella-ops vault encrypt_string --stdin-name db_password""",
)
@click.argument("strings", nargs=-1, metavar="[STRING]...")
@_OUTPUT
@_ENCRYPT_ID
@click.option("-n", "--name", "names", multiple=True, metavar="NAME", help="The variable's name, for each STRING.")
@click.option("--stdin-name", metavar="NAME", help="Read standard input, and give it this name.")
@click.option("-p", "--prompt", is_flag=True, help="Ask for the name and the string.")
@click.option("--show-input", is_flag=True, help="Show what is typed.")
def encrypt_string(output: str | None, **given: Any) -> int:
    """Print encrypted strings as YAML, to be pasted into a file.

    A STRING on the command line is seen by everybody who may list processes: prefer --prompt or standard input.
    """
    from stella_ops.cli import vault_acts as acts
    from stella_ops.cli.vault_strings import encrypted_strings

    return acts.write_strings(encrypted_strings(given, lambda: acts.encrypting(given)), output)
