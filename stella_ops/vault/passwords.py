"""Where vault passwords come from: ``LABEL@SOURCE``, files, programs, and people.

As ansible-core's documentation has it ("Managing vault passwords"): a source is ``prompt``, a file, or a program that
prints the password; a program whose name ends in ``-client`` is told the label by ``--vault-id``. Several are tried in
the order identity list, ``--vault-id``, password files, prompt.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stella_ops.errors import VaultError
from stella_ops.vault.envelope import DEFAULT_ID, check_vault_id, is_encrypted
from stella_ops.vault.keyring import Keyring, Secret

PROMPT = "prompt"
_ASK = "prompt_ask_vault_pass"  # --ask-vault-pass, whose prompt names no vault id
_UNKNOWN_ID = 2  # how a client program says that it has no password for a label

# Asks on the terminal without showing what is typed.
Ask = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The settings of ansible-core's that concern vault passwords.

    Attributes:
        label: the vault id of passwords without one.
        identities: sources that come first.
        encrypt_label: the vault id to encrypt with.
    """

    label: str = DEFAULT_ID
    identities: tuple[str, ...] = ()
    password_file: str | None = None
    match_only: bool = False
    ask: bool = False
    encrypt_label: str | None = None


def sources(
    environment: Environment, vault_ids: Sequence[str] = (), password_files: Sequence[str] = (), *, ask: bool = False
) -> list[str]:
    """Everything passwords are to be had from, as ``LABEL@SOURCE`` or ``SOURCE``, in the order they count.

    Args:
        vault_ids: of ``--vault-id``.
        password_files: of ``--vault-password-file``.
        ask: ``--ask-vault-pass``.
    """
    files = [*password_files, *([environment.password_file] if environment.password_file else [])]
    found = [*environment.identities, *vault_ids, *(f"{environment.label}@{file}" for file in files)]
    if ask or environment.ask:
        found.append(f"{environment.label}@{_ASK}")
    return found


def asking(environment: Environment) -> str:
    """The source that asks for the one password there is."""
    return f"{environment.label}@{_ASK}"


def read_keyring(
    named: Sequence[str], environment: Environment, ask: Ask, warn: Callable[[str], None], *, new: bool = False
) -> Keyring:
    """The passwords of sources. One that has none is warned of while another has.

    Args:
        named: as ``sources`` returns them.
        ask: asks a person.
        new: passwords to encrypt with: people have to type them twice.

    Raises:
        VaultError: no source has a password, two passwords that were typed differ, or a vault id cannot be one.
    """
    keyring = Keyring(match_only=environment.match_only, default_id=environment.label)
    failures: list[VaultError] = []
    for one in named:
        label, source = _split(one)
        label = label or environment.label
        check_vault_id(label)
        try:
            password = _asked(label, source, ask, new) if source in (PROMPT, _ASK) else _read(label, source, keyring)
        except VaultError as problem:
            if source in (PROMPT, _ASK):
                raise
            failures.append(problem)
            continue
        # Each may be what the next one's file is encrypted with.
        keyring = Keyring(
            [*keyring.secrets, Secret(label, password)],
            match_only=environment.match_only,
            default_id=environment.label,
        )
    if failures and not keyring.secrets:
        raise failures[-1]
    for failure in failures:
        warn(f"vault password: {failure}")
    return keyring


def _split(named: str) -> tuple[str | None, str]:
    label, sign, source = named.partition("@")
    return (label, source) if sign else (None, named)


def _asked(label: str, source: str, ask: Ask, new: bool) -> bytes:
    if source == PROMPT:
        prompts = [f"Vault password ({label}): "]
        if new:
            prompts = [f"New vault password ({label}): ", f"Confirm new vault password ({label}): "]
    else:
        prompts = ["New Vault password: ", "Confirm New Vault password: "] if new else ["Vault password: "]
    answers = set()
    for prompt in prompts:
        try:
            answer = ask(prompt).encode().strip()
        except EOFError:
            raise VaultError(f"no vault password was given for vault id '{label}': input ended") from None
        if not answer:
            raise VaultError(f"the vault password for vault id '{label}' is empty")
        answers.add(answer)
    if len(answers) > 1:
        raise VaultError("the two vault passwords differ", hint="type the same one twice")
    return answers.pop()


def _read(label: str, source: str, keyring: Keyring) -> bytes:
    path = Path(os.path.expandvars(source)).expanduser().absolute()
    if not path.exists():
        raise VaultError(f"The vault password file {path} was not found", hint="or did you mean LABEL@prompt?")
    if path.is_dir():
        raise VaultError(f"The vault password file {path} can not be a directory")
    if path.stat().st_mode & 0o111:
        password = _output_of(path, label)
    else:
        try:
            password = path.read_bytes().strip()
        except OSError as problem:
            raise VaultError(f"cannot read the vault password file {path}: {problem.strerror}") from None
        if is_encrypted(password):
            password = keyring.decrypt(password, path).strip(b"\r\n")
    if not password:
        raise VaultError(f"Invalid vault password was provided from file ({path}): it gives an empty password")
    return password


def _output_of(path: Path, label: str) -> bytes:
    client = path.stem.endswith("-client")
    command = [str(path), *(["--vault-id", label] if client else [])]
    try:
        # The operator names this program as the source of a password; it may ask for something on the terminal.
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE if client else None, check=False)  # noqa: S603
    except OSError as problem:
        raise VaultError(
            f"cannot run the vault password program {path}: {problem.strerror}",
            hint=f"if it is a file with a password: chmod a-x {path}",
        ) from None
    said = (done.stderr or b"").decode("utf-8", "replace").strip()
    more = f": {said}" if said else ""
    if client and done.returncode == _UNKNOWN_ID:
        raise VaultError(f"the program {path} has no password for vault id '{label}'{more}")
    if done.returncode:
        ended = f"exit status {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
        raise VaultError(f"the vault password program {path} failed ({ended}) for vault id '{label}'{more}")
    return done.stdout.strip(b"\r\n")
