"""What ``stella-ops vault`` does: reads, writes, and says so."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from stella_ops.ansible_settings.reading import read_ansible_settings
from stella_ops.cli.vault_passwords import keyring_of, own_salt, vault_environment
from stella_ops.errors import OptionsError, UsageError, VaultError
from stella_ops.vault.envelope import is_encrypted, vault_id_of
from stella_ops.vault.keyring import Keyring, Secret
from stella_ops.vault.passwords import Environment, asking, sources
from stella_ops.vault.writing import write_file

_STREAM = "-"
_LESS = "FRSX"  # ends when all fits the screen, colours, long lines cut, no clearing


def decrypting(given: Mapping[str, Any]) -> Keyring:
    """The passwords to decrypt with; asked for where the command line and the environment name none.

    Raises:
        VaultError: no source has one.
    """
    environment = vault_environment()
    return keyring_of(_named(given, environment), environment)


def encrypting(given: Mapping[str, Any]) -> Secret:
    """The password to encrypt with.

    Raises:
        OptionsError: there are several vault ids, and nobody says which.
        VaultError: no source has a password, or none is of the vault id that is asked for.
    """
    environment = vault_environment()
    wanted = given.get("encrypt_vault_id") or environment.encrypt_label
    keyring = keyring_of(_named(given, environment), environment, new=True)
    if len(keyring.secrets) > 1 and not wanted:
        raise OptionsError(
            f"The vault-ids {','.join(secret.vault_id for secret in keyring.secrets)} are available to encrypt. "
            "Specify the vault-id to encrypt with --encrypt-vault-id"
        )
    return keyring.encrypting(wanted)


def new_secret(given: Mapping[str, Any]) -> Secret:
    """The password that ``rekey`` encrypts with; asked for where none is named.

    Raises:
        UsageError: two are named.
        VaultError: the source has none, or none is of the vault id that is asked for.
    """
    environment = vault_environment()
    file, vault_id = given["new_vault_password_file"], given["new_vault_id"]
    if file and vault_id:
        raise UsageError("give either --new-vault-id or --new-vault-password-file, not both")
    wanted = given.get("encrypt_vault_id") or environment.encrypt_label
    named = [vault_id] if vault_id else [f"{environment.label}@{file}"] if file else []
    if wanted:  # it may be one of those that are always there
        named = [*environment.identities, *named]
    keyring = keyring_of(named or [asking(environment)], environment, new=True)
    return keyring.encrypting(wanted)


def _named(given: Mapping[str, Any], environment: Environment) -> list[str]:
    if given["ask_vault_pass"] and given["vault_password_files"]:
        raise UsageError("give either -J/--ask-vault-pass or --vault-password-file, not both")
    found = sources(environment, given["vault_ids"], given["vault_password_files"], ask=given["ask_vault_pass"])
    return found or [asking(environment)]


def one_input(files: Sequence[str], output: str | None) -> list[str]:
    """The files of a command that may read standard input; raises OptionsError for several with one output."""
    if output is not None and len(files) > 1:
        raise OptionsError(
            "At most one input file may be used with the --output option",
            hint="without it, every file is written in place",
        )
    return list(files) or [_STREAM]


def needed(files: Sequence[str]) -> list[str]:
    """The files of a command that needs some; raises UsageError."""
    if not files:
        raise UsageError("no file is named")
    return list(files)


def new_file(files: Sequence[str], skip_tty_check: bool) -> Path:
    """The file that ``create`` makes; raises UsageError."""
    if len(files) != 1:
        raise OptionsError("ansible-vault create can take only one filename argument")
    if not skip_tty_check and not sys.stdout.isatty():
        raise OptionsError("not a tty, editor cannot be opened", hint="or give --skip-tty-check")
    path = Path(files[0])
    if path.exists():
        raise UsageError(f"{path} exists", hint=f"stella-ops vault edit {path}")
    return path


def encrypt(files: Sequence[str], output: str | None, secret: Secret) -> int:
    """Encrypt each file; raises VaultError for one that is encrypted already."""
    _say_where_from(files, "plaintext")
    for name in files:
        data = _read(name)
        if is_encrypted(data):
            raise VaultError("input is already encrypted", where=name, hint="'rekey' gives it another password")
        _write(output or name, _encrypted(data, secret), erase=output is None)
    _done("Encryption successful")
    return 0


def decrypt(files: Sequence[str], output: str | None, keyring: Keyring) -> int:
    """Decrypt each file; raises VaultError."""
    _say_where_from(files, "ciphertext")
    for name in files:
        _write(output or name, keyring.decrypt(_read(name), _place(name)), private=True)
    _done("Decryption successful")
    return 0


def view(files: Sequence[str], keyring: Keyring) -> int:
    """Show each file; raises VaultError."""
    for name in files:
        text = keyring.decrypt(_read(name), _place(name)).decode("utf-8", "replace")
        _page(text if text.endswith("\n") else text + "\n")
    return 0


def edit(files: Sequence[str], keyring: Keyring) -> int:
    """Edit each file; raises VaultError."""
    from stella_ops.vault.editing import edit as in_editor

    for name in files:
        path = Path(name).resolve()
        data = _read(name)
        plain, secret = keyring.unlock(data, name)
        edited = in_editor(plain, path.name, _editor())
        if edited != plain:
            # The file keeps its own vault id, though a password of another may have opened it.
            write_file(path, _encrypted(edited, Secret(vault_id_of(data) or "", secret.password)))
    return 0


def create(path: Path, secret: Secret) -> int:
    """Write a new file; raises VaultError."""
    from stella_ops.vault.editing import edit as in_editor

    edited = in_editor(b"", path.name, _editor())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise VaultError(f"cannot make the folder {path.parent}: {problem.strerror}") from None
    write_file(path, _encrypted(edited, secret))
    return 0


def rekey(files: Sequence[str], keyring: Keyring, secret: Secret) -> int:
    """Encrypt each file anew; raises VaultError before anything is written where one does not open."""
    opened = [(name, keyring.decrypt(_read(name), name)) for name in files]
    for name, plain in opened:
        write_file(Path(name), _encrypted(plain, secret))
    click.echo("Rekey successful", err=True)
    return 0


def write_strings(blocks: Iterable[tuple[str | None, str]], output: str | None) -> int:
    """Write encrypted strings, and what tells them apart to standard error."""
    texts = []
    for heading, text in blocks:
        if heading:
            click.echo(heading, err=True)
        texts.append(text)
    _write(output or _STREAM, ("\n".join(texts) + "\n").encode())
    _done("Encryption successful")
    return 0


def _encrypted(data: bytes, secret: Secret) -> bytes:
    from stella_ops.vault.cipher import encrypt as seal

    return seal(data, secret.password, secret.vault_id or None, salt=own_salt())


def _place(name: str) -> str:
    return "standard input" if name == _STREAM else name


def _read(name: str) -> bytes:
    if name == _STREAM:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as problem:
        raise VaultError(f"Unable to read source file ({name}): {problem.strerror}") from None


def _write(name: str, data: bytes, *, private: bool = False, erase: bool = False) -> None:
    if name != _STREAM:
        write_file(Path(name), data, private=private, erase=erase)
        return
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _say_where_from(files: Sequence[str], what: str) -> None:
    if _STREAM in files and sys.stdin.isatty():
        click.echo(f"Reading {what} input from stdin", err=True)


def _done(message: str) -> None:
    if sys.stdout.isatty():
        click.echo(message, err=True)


def _editor() -> list[str]:
    named = read_ansible_settings(os.environ, Path.cwd()).choose("EDITOR")
    return shlex.split(named or os.environ.get("EDITOR") or "vi")


def _page(text: str) -> None:
    pager = shlex.split(os.environ.get("ANSIBLE_PAGER") or os.environ.get("PAGER") or "less")
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    # less writes no history, and neither saves the text nor hands it to a shell or an editor.
    environ = {**os.environ, "LESSHISTFILE": "-", "LESSSECURE": "1"}
    environ.setdefault("LESS", _LESS)
    try:
        subprocess.run(pager, input=text.encode(), env=environ, check=False)  # noqa: S603 - the operator's own pager
    except OSError:
        sys.stdout.write(text)
        sys.stdout.flush()
