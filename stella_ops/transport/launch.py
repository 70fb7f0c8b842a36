"""The command line that starts the remote runner on a host.

Nothing in it is secret: it shows in the host's process list. The program follows on standard input.

The host's login shell may be anything (sh, fish, csh), so all it sees is ``exec /bin/sh -c '…'``.
"""

from __future__ import annotations

import functools
import re
import shlex
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stella_ops.errors import InterpreterError
from stella_ops.transport.base import Become
from stella_ops.transport.become import may_ask, wrap
from stella_ops.transport.bytecode import MAGIC_NUMBER, compiled, pack, without_bytecode
from stella_ops.transport.terminal import on_terminal

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

# After these the search ends: the runner was killed, and another one in its place would take the controller's
# frames for its program. (Killed before it could run: there is no telling, and nothing lost.)
_KILLED = "129|130|137|143"

# The reader is one expression, since a newline inside quotes does not survive every login shell; nor does an
# exclamation mark. -I keeps the caller's PYTHON* variables out, -S saves the start-up time of site; the runner
# needs neither. It ends with 88 when the program never comes. The loader is there twice, as bytecode and as
# source; both are read, and the one that this Python can run is.
_BOOT = (
    'import sys;sys.version_info<(3,6) and sys.exit(\\"Python %d.%d is too old\\"%sys.version_info[:2]);'
    "import os,zlib,marshal,_frozen_importlib_external as b;{take}"
    "r=lambda n:n and(lambda c:c+r(n-len(c))if c else os._exit(88))(os.read(0,n))or bytes();"
    "{ready}c=r({bytecode});s=r({source});units=r({units});"
    'exec(marshal.loads(zlib.decompress(c))if c and b.MAGIC_NUMBER.hex()==\\"{magic}\\"else zlib.decompress(s))'
)
# While interpreters are tried, they get an empty standard input, and the real one waits as descriptor 3: a shim
# that reads its input takes nothing away from the next.
_TAKE = "os.dup2(3,0);os.close(3);"
_READY = 'os.write(1,b\\"\\0stella-runner/ready\\n\\");'

# A caller's "set -e" may have been exported. Python 3.6 takes file names for ASCII in the C locale.
_PREPARE = 'set +eu; [ "${LC_ALL:-${LC_CTYPE:-${LANG:-}}}" ] || { LC_CTYPE=C.UTF-8; export LC_CTYPE; }; '


@dataclass(frozen=True)
class Program:
    """The runner as it travels: its loader as bytecode and as source, and the other files for the loader."""

    bytecode: bytes
    source: bytes
    units: tuple[bytes, ...]

    @property
    def whole(self) -> bytes:
        """What goes to standard input."""
        return self.bytecode + self.source + self.packed_units

    @functools.cached_property
    def packed_units(self) -> bytes:
        """The other files, each with its length before it."""
        return b"".join(len(unit).to_bytes(4, "big") + unit for unit in self.units)

    def plain(self) -> Program:
        """The same without bytecode."""
        return Program(b"", self.source, tuple(without_bytecode(unit) for unit in self.units))


@functools.cache
def runner_program(*, bytecode: bool = True) -> Program:
    """The runner, read and compiled once."""
    if not bytecode:
        return runner_program().plain()
    folder = Path(__file__).parent.parent / "remote" / "runner"
    return pack_program({file.name: file.read_bytes() for file in folder.glob("*.py") if file.name != "__init__.py"})


def pack_program(sources: Mapping[str, bytes]) -> Program:
    """The runner's files, by name, made ready to travel."""
    loader = sources["loader.py"]
    keys = {f"stella_ops.remote.runner.{name.removesuffix('.py')}": name for name in sources if name != "loader.py"}
    units = tuple(pack(key, sources[keys[key]], key, lean=True) for key in sorted(keys))
    return Program(compiled(loader, "stella:loader", lean=True), zlib.compress(loader, 9), units)


@dataclass(frozen=True, slots=True)
class Launch:
    """A command to start, and what to expect before the program may be sent.

    Attributes:
        command: for the login shell.
        program: goes to standard input.
        prompt: what asks for a password on standard error, or None when none may be asked for. With a prompt, the
            boot code says ``READY`` before it reads, so that password and program are never mixed up.
        aloud: it may be asked for on standard output, too.
        interpreter: the one that was asked for, None where one is looked for.
        bytecode: code travels as bytecode besides source.
    """

    command: str
    program: bytes
    prompt: re.Pattern[bytes] | None
    aloud: bool = False
    interpreter: str | None = None
    bytecode: bool = True


def launch(interpreter: str | None, become: Become | None, *, name: str, bytecode: bool = True) -> Launch:
    """How to start the runner.

    Args:
        interpreter: path of a Python, possibly with arguments ("/usr/bin/env python3.9"), or None to look
            for one.
        become: the user to act as, or None for the login user.
        name: the host, for errors.
        bytecode: send bytecode besides source.
    """
    program = runner_program(bytecode=bytecode)
    asks = become is not None and may_ask(become)
    script = _PREPARE + _start_python(program, interpreter, announce=asks, name=name)
    prompt, aloud = None, False
    if become is None:
        command = f"exec /bin/sh -c {shlex.quote(script)}"
    else:
        wrapped, prompt, aloud = wrap_become(["/bin/sh", "-c", script], become, name=name, interpreter=interpreter)
        command = f"exec {shlex.join(wrapped)}"
    return Launch(command, program.whole, prompt, aloud, interpreter, bytecode)


def wrap_become(
    command: list[str], become: Become, *, name: str, interpreter: str | None = None
) -> tuple[list[str], re.Pattern[bytes] | None, bool]:
    """A command run as another user: the argument list, what asks for the password, whether also on standard output.

    Args:
        interpreter: as for ``launch``, for programs that need a terminal.

    Raises:
        InventoryError: a method that is not known.
    """
    wrapped = wrap(command, become)
    if wrapped.on_terminal is None:
        return wrapped.command, wrapped.question, wrapped.aloud
    named = None
    if interpreter is not None:
        named = " ".join(_quoted(word) for word in _words(interpreter, name))
    made, question = on_terminal(
        wrapped.command, wrapped.on_terminal, pythons=INTERPRETERS, named=named, otherwise=_say_no_python()
    )
    return made, question, False


def boot_code(program: Program, *, take: bool = False, announce: bool = False) -> str:
    """The program for ``python -c``, as it stands between double quotes of a shell: reads the rest and runs it."""
    return _BOOT.format(
        take=_TAKE if take else "",
        ready=_READY if announce else "",
        bytecode=len(program.bytecode),
        source=len(program.source),
        units=len(program.packed_units),
        magic=MAGIC_NUMBER.hex(),
    )


def _start_python(program: Program, interpreter: str | None, *, announce: bool, name: str) -> str:
    boot = boot_code(program, take=interpreter is None, announce=announce)
    if interpreter is not None:
        return (
            f'{_set_words(interpreter, name)}; "$@" -I -S -c "{boot}"; '
            f"case $? in {RAN}|{_KILLED}) exit 0;; esac; {_say_no_python()}"
        )
    names = " ".join(INTERPRETERS)
    return (
        f"exec 3<&0 </dev/null; for p in {names}; do "
        'command -v "$p" >/dev/null 2>&1 || continue; '
        f'"$p" -I -S -c "{boot}"; case $? in {RAN}|{_KILLED}) exit 0;; esac; '
        f"done; {_say_no_python()}"
    )


def _set_words(interpreter: str, name: str) -> str:
    """Shell text that makes the interpreter the positional parameters."""
    words = _words(interpreter, name)
    split = "set -- " + " ".join(_quoted(word) for word in words)
    if len(words) == 1 or interpreter[0] not in "/~":
        return split
    # A path with blanks, or a program with arguments: the host knows.
    whole = _quoted(interpreter)
    return f"if [ -x {whole} ]; then set -- {whole}; else {split}; fi"


def _words(interpreter: str, name: str) -> list[str]:
    try:
        words = shlex.split(interpreter)
    except ValueError as problem:
        words = []
        detail = str(problem)
    else:
        detail = "it is empty"
    if not words:
        raise InterpreterError(
            f"the interpreter {interpreter!r} cannot be: {detail}", where=name, hint="check ansible_python_interpreter"
        )
    return words


def _quoted(word: str) -> str:
    if word.startswith("~/"):
        return '"$HOME"/' + shlex.quote(word[2:])
    return shlex.quote(word)


def _say_no_python() -> str:
    return 'printf "\\000stella-runner/no-python\\n"; exit 127'
