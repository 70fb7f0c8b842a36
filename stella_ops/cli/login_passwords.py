"""Passwords to log in and to become another user: asked for, or read from files."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

from stella_ops.errors import MissingInputError, UsageError
from stella_ops.settings import Project

if TYPE_CHECKING:
    from stella_ops.cli.workplace import Choices


def ask_connection_password(choices: Choices) -> str | None:
    """The password to log in with, if one is to be asked for or read."""
    if choices.connection_password_file and choices.ask_pass:
        raise UsageError("give either -k or --connection-password-file, not both")
    if choices.connection_password_file:
        return _password(choices.connection_password_file, "--connection-password-file")
    return _ask("SSH password: ") if choices.ask_pass else None


def _ask(question: str) -> str | None:
    """The answer; none where the input is at its end, as in a job without a terminal."""
    try:
        return getpass.getpass(question)
    except EOFError:
        return None


def _password(name: str, option: str) -> str:
    """The password in a file, or the first line that a program prints when the file is one."""
    path = Path(name).expanduser()
    try:
        if os.access(path, os.X_OK) and path.is_file():
            import subprocess

            # The operator names this program as the source of a password; it is run without a shell.
            done = subprocess.run([str(path.absolute())], stdout=subprocess.PIPE, check=False)  # noqa: S603
            if done.returncode:
                raise UsageError(f"{option} {name}: the program failed (exit status {done.returncode})")
            text = done.stdout.decode("utf-8", "replace")
        else:
            text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingInputError(f"The password file {path.absolute()} was not found", hint=f"see {option}") from None
    except OSError as problem:
        raise MissingInputError(f"cannot read {option} {name}: {problem.strerror}") from None
    return text.rstrip("\r\n")


def withhold_passphrase(project: Project) -> dict[str, str]:
    """Take the CA's passphrase out of the environment: no program that a run starts here may inherit it."""
    name = project.ca.passphrase_env
    return {name: os.environ.pop(name)} if name is not None and name in os.environ else {}


def ask_become_password(choices: Choices, connection_password: str | None) -> str | None:
    """The password to become another user with, if one is to be asked for or read."""
    if choices.become_password_file and choices.ask_become_pass:
        raise UsageError("give either -K or --become-password-file, not both")
    if choices.become_password_file:
        return _password(choices.become_password_file, "--become-password-file")
    if not choices.ask_become_pass:
        return None
    if connection_password is None:
        return _ask("BECOME password: ")
    return _ask("BECOME password[defaults to SSH password]: ") or connection_password
