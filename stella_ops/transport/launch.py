"""The command line that starts the remote runner on a host.

Nothing in it is secret: it shows in the host's process list. The program follows on standard input.

The host's login shell may be anything (sh, fish, csh), so all it sees is ``exec /bin/sh -c '…'``.
"""

from __future__ import annotations

import functools
import secrets
import shlex
import zlib
from dataclasses import dataclass
from importlib import resources

from stella_ops.errors import BecomeError
from stella_ops.transport.base import Become

# Tried in this order; the first that really starts is taken. A pyenv shim without a version, a dangling
# virtual environment or a Python 2 exits before it reads anything, and the next one has its turn.
INTERPRETERS = (
    "python3",
    "/usr/bin/python3",
    "/usr/local/bin/python3",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python3.8",
    "python3.7",
    "python3.6",
    "/usr/libexec/platform-python",
    "/usr/bin/python",
    "python",
)

# Exit status of the runner itself; any other means that the interpreter was none.
RAN = 88

# The reader is one expression, since a newline inside quotes does not survive every login shell.
# -I keeps the caller's PYTHON* variables out, -S saves the start-up time of site; the runner needs neither.
_BOOT = (
    "import sys;sys.version_info<(3,6) and sys.exit(9);import os,zlib;"
    "r=lambda n:n and(lambda c:c+r(n-len(c))if c else os._exit(88))(os.read(0,n))or bytes();"
    "{ready}exec(zlib.decompress(r({size})))"
)
_READY = 'os.write(1,b\\"\\0stella-runner/ready\\n\\");'

# Python 3.6 takes file names for ASCII in the C locale.
_LOCALE = '[ "${LC_ALL:-${LC_CTYPE:-${LANG:-}}}" ] || { LC_CTYPE=C.UTF-8; export LC_CTYPE; }; '


@functools.cache
def runner_program() -> bytes:
    """The runner as it travels: compressed source."""
    source = resources.files("stella_ops.remote.runner").joinpath("program.py").read_bytes()
    return zlib.compress(source, 9)


@dataclass(frozen=True, slots=True)
class Launch:
    """A command to start, and what to expect before the program may be sent.

    Attributes:
        command: for the login shell.
        program: goes to standard input.
        prompt: the password prompt to wait for on standard error, or None when no password may be asked for.
            With a prompt, the boot code says ``READY`` before it reads, so that password and program are
            never mixed up.
    """

    command: str
    program: bytes
    prompt: bytes | None


def launch(interpreter: str | None, become: Become | None, *, name: str) -> Launch:
    """How to start the runner.

    Args:
        interpreter: path of a Python, possibly with arguments ("/usr/bin/env python3.9"), or None to look
            for one.
        become: the user to act as, or None for the login user.
        name: the host, for errors.
    """
    with_password = become is not None and become.password is not None
    script = _LOCALE + _start_python(interpreter, announce=with_password)
    prompt = None
    if become is None:
        command = f"exec /bin/sh -c {shlex.quote(script)}"
    else:
        wrapped, prompt = wrap_become(["/bin/sh", "-c", script], become, name=name)
        command = f"exec {shlex.join(wrapped)}"
    return Launch(command, runner_program(), prompt)


def wrap_become(command: list[str], become: Become, *, name: str) -> tuple[list[str], bytes | None]:
    """A command run as another user: the argument list, and the prompt that asks for the password.

    Raises:
        BecomeError: a method other than sudo.
    """
    if become.method != "sudo":
        raise BecomeError(
            f"become method '{become.method}' is not supported",
            where=name,
            hint="only sudo is supported; set ansible_become_method: sudo",
        )
    if become.password is None:
        return ["sudo", "-H", "-n", "-u", become.user, "--", *command], None
    prompt = f"[stella-ops become {secrets.token_hex(8)}] "
    return ["sudo", "-H", "-S", "-p", prompt, "-u", become.user, "--", *command], prompt.encode()


def _start_python(interpreter: str | None, *, announce: bool) -> str:
    boot = _BOOT.format(ready=_READY if announce else "", size=len(runner_program()))
    if interpreter is not None:
        words = " ".join(shlex.quote(word) for word in shlex.split(interpreter))
        return f'{words} -I -S -c "{boot}"; [ $? -eq {RAN} ] || {_say_no_python()}'
    names = " ".join(INTERPRETERS)
    return (
        f"for p in {names}; do "
        'command -v "$p" >/dev/null 2>&1 || continue; '
        f'"$p" -I -S -c "{boot}"; [ $? -eq {RAN} ] && exit 0; '
        f"done; {_say_no_python()}"
    )


def _say_no_python() -> str:
    return 'printf "\\000stella-runner/no-python\\n"; exit 127'
