"""``stella-ops vault encrypt_string``: from arguments, standard input or a prompt to YAML."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from stella_ops.cli.vault_passwords import own_salt
from stella_ops.errors import OptionsError, UsageError
from stella_ops.vault.keyring import Secret

_INDENT = " " * 10
_ARGUMENTS = "the command line args"


def encrypted_strings(given: Mapping[str, Any], secret_of: Callable[[], Secret]) -> list[tuple[str | None, str]]:
    """Each string as a YAML block, with a line that tells it from others where there are several.

    Args:
        given: the command's options.
        secret_of: finds the password; called once, before the strings are asked for.

    Raises:
        UsageError: options that exclude each other, or a string without content.
        VaultError: there is no password.
    """
    from stella_ops.vault.cipher import encrypt

    arguments = [text for text in given["strings"] if text != "-"]
    from_stdin = "-" in given["strings"] or bool(given["stdin_name"]) or not (given["strings"] or given["prompt"])
    if given["prompt"] and from_stdin:
        raise UsageError("--prompt and standard input exclude each other")
    secret = secret_of()
    found: list[tuple[str | None, str, str]] = []
    if given["prompt"]:
        found.append(_prompted(bool(given["show_input"])))
    if from_stdin:
        found.append((given["stdin_name"], _stdin(), "stdin"))
    found += _named(given["names"], arguments)
    blocks, salt = [], own_salt()
    for number, (name, text, source) in enumerate(found, 1):
        plain = text.encode("utf-8", "surrogateescape")
        sealed = encrypt(plain, secret.password, secret.vault_id, salt=salt).decode()
        blocks.append((_heading(number, name, source) if len(found) > 1 else None, _block(sealed, name)))
    return blocks


def _named(names: tuple[str, ...], texts: list[str]) -> list[tuple[str | None, str, str]]:
    for text in texts:
        if not text:
            raise OptionsError("The plaintext provided from the command line args was empty, not encrypting")
    if names and len(texts) > len(names):
        click.echo(f"There are more strings than --name options: those after '{names[-1]}' have no name.", err=True)
    padded = [*names, *([None] * len(texts))]
    return [(name, text, _ARGUMENTS) for name, text in zip(padded, texts, strict=False)]


def _prompted(shown: bool) -> tuple[str | None, str, str]:
    name = click.prompt("Variable name (enter for no name)", default="", show_default=False, err=True)
    if shown:
        text = click.prompt("String to encrypt", default="", show_default=False, err=True)
    else:
        text = getpass.getpass("String to encrypt (hidden): ")
    if not text:
        raise UsageError("the string is empty")
    return name or None, text, "the interactive prompt"


def _stdin() -> str:
    if sys.stdin.isatty():
        click.echo(
            "Reading plaintext input from stdin. (ctrl-d to end input, twice if your content does not already have a"
            " newline)",
            err=True,
        )
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    if not text:
        raise OptionsError("stdin was empty, not encrypting")
    if sys.stdout.isatty() and not text.endswith("\n"):
        click.echo(err=True)
    return text


def _heading(number: int, name: str | None, source: str) -> str:
    string = f"the string #{number} from {source}"
    return "# The encrypted version of " + (f'variable ("{name}", {string}).' if name else f"{string}.")


def _block(sealed: str, name: str | None) -> str:
    lines = [f"{name}: !vault |" if name else "!vault |", *(_INDENT + line for line in sealed.splitlines())]
    return "\n".join(lines)
