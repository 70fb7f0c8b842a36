"""The programs by which a task becomes another user: their command lines, and how they ask for a password.

A password goes to standard input, after the program has asked for it, and never on a command line. Programs differ in
where they ask: sudo and its kin with a prompt that is ours, su and ksu in words of their own, both on a pipe as on a
terminal; doas on a terminal alone, which ``transport/terminal.py`` gives it.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from stella_ops.errors import InventoryError
from stella_ops.transport.base import Become

# What su asks for in the languages that it is translated to; the host's locale chooses.
PASSWORD_WORDS = (
    *("Password", "Passwort", "Passord", "Parola", "Parool", "Pasahitza", "Adgangskode", "Contraseña", "Contrasenya"),
    *("Hasło", "Heslo", "Jelszó", "Lösenord", "Mật khẩu", "Mot de passe", "Salasana", "Sandi", "Senha", "Wachtwoord"),
    *("Лозинка", "Парола", "Пароль", "ססמה", "गुप्तशब्द", "शब्दकूट", "సంకేతపదము", "හස්පදය"),
    *("パスワード", "암호", "密码", "密碼", "口令"),
)

# Where it asks: with our prompt on standard error, with words of its own there or on standard output, on its
# terminal, or not at all.
Asks = Literal["prompt", "words", "terminal", "never"]


class Method(NamedTuple):
    """One way to become another user.

    Attributes:
        command: what to run, made of the program with its flags, the user, the command, and the words that go with
            our prompt.
        flags: where none are written.
        words: what they ask, for those that ask in words of their own; regular expressions.
        colon: a colon follows those words.
        named: whose variables and settings it shares (``sudo`` for ``ansible_sudo_…``); its own by default.
    """

    program: str
    asks: Asks
    command: Callable[[list[str], str, list[str], list[str]], list[str]]
    flags: str = ""
    words: tuple[str, ...] = ()
    colon: bool = False
    named: str | None = None


def _sudo(program: list[str], user: str, command: list[str], asking: list[str]) -> list[str]:
    return [*program, *asking, "-u", user, "--", *command]


def _sudosu(program: list[str], user: str, command: list[str], asking: list[str]) -> list[str]:
    return [*program, *asking, "--", "su", "-l", user, "-c", f"exec {shlex.join(command)}"]


def _su(program: list[str], user: str, command: list[str], asking: list[str]) -> list[str]:
    return [*program, user, "-c", f"exec {shlex.join(command)}"]


def _doas(program: list[str], user: str, command: list[str], asking: list[str]) -> list[str]:
    return [*program, *asking, "-u", user, *command]


def _ksu(program: list[str], user: str, command: list[str], asking: list[str]) -> list[str]:
    return [program[0], user, *program[1:], "-e", *command]


def _pfexec(program: list[str], user: str, command: list[str], asking: list[str]) -> list[str]:
    return [*program, *command]


METHODS = {
    "sudo": Method("sudo", "prompt", _sudo, "-H"),
    "su": Method("su", "words", _su, words=tuple(map(re.escape, PASSWORD_WORDS)), colon=True),
    "doas": Method("doas", "terminal", _doas, words=(r"doas \([^\n]*\) password:", r"Password:")),
    "sudosu": Method("sudo", "prompt", _sudosu, "-H", named="sudo"),
    "dzdo": Method("dzdo", "prompt", _sudo, "-H"),
    "ksu": Method("ksu", "words", _ksu, words=(r"Kerberos password for [^\n]*@[^\n]*:",)),
    "pfexec": Method("pfexec", "never", _pfexec),
}

_NOT_HERE = {
    "runas": "it is for Windows",
    "enable": "it is for network devices",
    "machinectl": "it puts a terminal of its own around the command, which spoils what is not text",
    "run0": "it asks on a terminal of its own",
    "pbrun": "its way to ask for a password is not known here",
    "pmrun": "its way to ask for a password is not known here",
    "sesu": "its way to ask for a password is not known here",
}


def method_name(written: str) -> str:
    """The short name of a method.

    Raises:
        InventoryError: there is no such method.
    """
    name = written.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.").removeprefix("community.general.")
    if name in METHODS:
        return name
    why = f": {_NOT_HERE[name]}" if name in _NOT_HERE else ""
    raise InventoryError(
        f"Invalid become method specified, could not find matching plugin: '{written}'{why}. "
        "Use `ansible-doc -t become -l` to list available plugins.",
        hint=f"known: {', '.join(METHODS)}; set become_method or ansible_become_method",
    )


class Wrapped(NamedTuple):
    """A command that is run as another user.

    Attributes:
        question: what asks for the password on standard error; None where nothing may be asked.
        aloud: it may ask on standard output as well.
        on_terminal: the command is to have a terminal, whose questions are those of the pattern.
    """

    command: list[str]
    question: re.Pattern[bytes] | None = None
    aloud: bool = False
    on_terminal: str | None = None


def wrap(command: Sequence[str], become: Become) -> Wrapped:
    """A command run as another user.

    Raises:
        InventoryError: there is no such method.
    """
    name = method_name(become.method)
    method = METHODS[name]
    flags = flag_words(name, None) if become.flags is None else become.flags
    program = [become.program or method.program, *flags]
    with_password = become.password is not None
    words = _question(method, become.prompts)
    match method.asks:
        case "prompt" if with_password:
            prompt = f"[stella-ops become {secrets.token_hex(8)}] "
            made = method.command(program, become.user, list(command), ["-S", "-p", prompt])
            return Wrapped(made, re.compile(re.escape(prompt.encode())))
        case "prompt":
            return Wrapped(method.command(program, become.user, list(command), ["-n"]))
        case "terminal" if with_password:
            return Wrapped(method.command(program, become.user, list(command), []), on_terminal=words)
        case "terminal":
            asking = [] if "-n" in flags else ["-n"]
            return Wrapped(method.command(program, become.user, list(command), asking))
        case "words":
            # Nothing keeps these from asking; without a password the question is the answer.
            question = re.compile(words.encode(), re.IGNORECASE)
            return Wrapped(method.command(program, become.user, list(command), []), question, aloud=True)
        case _:
            return Wrapped(method.command(program, become.user, list(command), []))


def _question(method: Method, prompts: Sequence[str]) -> str:
    """A regular expression for what asks for the password; of bytes, so that it fits whatever the locale."""
    found = []
    for prompt in prompts:
        try:
            re.compile(prompt.encode())
        except re.error:
            prompt = re.escape(prompt)
        found.append(re.escape(prompt) if method.colon else prompt)
    asked = "|".join(found or method.words)
    return rf"(?:{asked})\s*(?::|：)" if method.colon else asked


def may_ask(become: Become) -> bool:
    """Whether the program may ask for a password before it runs the command."""
    asks = METHODS[method_name(become.method)].asks
    return asks == "words" or (asks != "never" and become.password is not None)


def flag_words(method: str, written: str | None) -> tuple[str, ...]:
    """The flags for a method's program, as written or by default.

    Of sudo's and dzdo's, whether they may ask for a password (``-n``, ``-S``) goes by whether there is one.

    Raises:
        InventoryError: a quote that does not end.
    """
    known = METHODS[method]
    text = known.flags if written is None else written
    try:
        words = shlex.split(text)
    except ValueError as problem:
        raise InventoryError(f"become_flags '{text}' cannot be read: {problem}") from None
    if known.asks != "prompt":
        return tuple(words)
    kept = []
    for word in words:
        if word in ("--non-interactive", "--stdin"):
            continue
        if re.fullmatch(r"-[AbBEeHiKkNnPSs]+", word):
            word = word.replace("n", "").replace("S", "")
        if word != "-":
            kept.append(word)
    return tuple(kept)
