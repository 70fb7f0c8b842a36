"""Asks the operator for the variables of ``vars_prompt``."""

from __future__ import annotations

import getpass
import sys
from typing import Any

import click

from stella_ops.booleans import says_yes
from stella_ops.cli.secrets import REDACTOR
from stella_ops.errors import UsageError
from stella_ops.playbook.model import Prompt

_ENCRYPTIONS = ("sha256_crypt", "sha512_crypt", "bcrypt", "md5_crypt", "sha256", "sha512", "md5", "blowfish")


def ask_variable(prompt: Prompt) -> Any:
    """The answer, or the default where there is no terminal to ask on.

    Raises:
        UsageError: an encryption that is not known.
    """
    private = says_yes(prompt.private)
    text = prompt.prompt if prompt.prompt is not None else f"input for {prompt.name}"
    shown = f"{text} [{prompt.default}]: " if prompt.prompt is not None and prompt.default is not None else f"{text}: "
    answer: Any = None
    if sys.stdin.isatty():
        answer = _ask(shown, private)
        while prompt.confirm and _ask("confirm " + shown, private) != answer:
            click.echo("***** VALUES ENTERED DO NOT MATCH ****", err=True)
            answer = _ask(shown, private)
    else:
        click.echo(f"[WARNING]: Not prompting as we are not in interactive mode ({prompt.name})", err=True)
    if not answer and prompt.default is not None:
        answer = prompt.default
    if private and answer:
        REDACTOR.add(str(answer))
    if prompt.encrypt:
        return _encrypted(str(answer), prompt)
    # Always a text, as in ansible-core: also what was not asked for and has no default.
    return answer if isinstance(answer, str) else str(answer)


def _ask(shown: str, private: bool) -> str:
    return getpass.getpass(shown) if private else input(shown)


def _encrypted(answer: str, prompt: Prompt) -> str:
    from stella_ops.templating.filters.registry import FILTERS

    scheme = str(prompt.encrypt)
    if scheme not in _ENCRYPTIONS:
        raise UsageError(
            f"vars_prompt: '{scheme}' is no encryption", where=prompt.origin, hint=f"known: {', '.join(_ENCRYPTIONS)}"
        )
    salt = None if prompt.salt is None else str(prompt.salt)
    hashed = FILTERS["password_hash"](answer, scheme.removesuffix("_crypt").replace("bcrypt", "blowfish"), salt)
    return str(hashed)


def ask_step(title: str) -> str:
    """Ask whether a task is to run (``--step``); no answer, as at the end of input, means no."""
    from stella_ops.console.text import banner, safe_line

    question = f"Perform task: TASK: {safe_line(title)} (N)o/(y)es/(c)ontinue: "
    try:
        answer = input(question).strip().lower()
    except EOFError:
        answer = ""
    print(f"\n{banner(question)}", flush=True)
    return {"y": "yes", "yes": "yes", "c": "continue", "continue": "continue"}.get(answer, "no")
