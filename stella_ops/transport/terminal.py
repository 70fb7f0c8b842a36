"""A terminal for programs that ask for a password on nothing else, while standard input and output stay pipes.

A few lines of Python on the host open a pseudo-terminal, and run the program with it as its controlling terminal
(``/dev/tty``). What the program asks there is asked on standard error, with a prompt that is ours, and the line that
answers on standard input goes to the terminal. Not a byte more of standard input is read.
"""

from __future__ import annotations

import base64
import re
import secrets
import zlib
from collections.abc import Sequence

# Arguments: the question (a regular expression, in hex), our prompt, the command. For Python 3.6.
# The terminal hangs up when this ends, and takes along what is left on it.
_PROGRAM = r"""
import fcntl, os, re, select, signal, sys, termios

question, prompt, command = re.compile(bytes.fromhex(sys.argv[1]), re.I), sys.argv[2].encode(), sys.argv[3:]
ended, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)
signal.signal(signal.SIGCHLD, lambda *_: None)
master, slave = os.openpty()
# Also of a program that does not see to it, the terminal shows no password.
modes = termios.tcgetattr(slave)
modes[3] &= ~termios.ECHO
termios.tcsetattr(slave, termios.TCSANOW, modes)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    try:
        os.execvp(command[0], command)
    except OSError as problem:
        os.write(2, ("%s: %s\n" % (command[0], problem.strerror)).encode())
    os._exit(127)
said = line = b""
while True:
    ready = select.select([master, ended], [], [])[0]
    if master not in ready:
        break
    said = (said + os.read(master, 4096))[-65536:]
    found = question.search(said)
    if found:
        said = said[found.end():]
        os.write(2, prompt)
        line = b""
        while not line.endswith(b"\n"):
            got = os.read(0, 1)
            if not got:
                os._exit(1)
            line += got
        os.write(master, line)
status = os.waitpid(child, 0)[1]
os.write(2, said.strip())
os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
"""


def on_terminal(
    command: Sequence[str], question: str, *, pythons: Sequence[str], named: str | None, otherwise: str
) -> tuple[list[str], re.Pattern[bytes]]:
    """A command that has a terminal, and what then asks for the password on standard error.

    Args:
        question: what the command asks on its terminal, a regular expression.
        pythons: names of interpreters to try; the first that works is taken.
        named: shell words of another one to try before them.
        otherwise: shell text for a host without any.
    """
    packed = base64.b64encode(zlib.compress(_PROGRAM.encode(), 9)).decode()
    program = f'-I -S -c "import base64,zlib;exec(zlib.decompress(base64.b64decode(\\"{packed}\\")))" "$@"'
    script = 'set +eu; works() { "$@" -I -S -c "import fcntl,select,termios" </dev/null >/dev/null 2>&1; }; '
    if named is not None:
        script += f"if works {named}; then exec {named} {program}; fi; "
    script += f'for p in {" ".join(pythons)}; do if works "$p"; then exec "$p" {program}; fi; done; {otherwise}'
    prompt = f"[stella-ops become {secrets.token_hex(8)}] "
    made = ["/bin/sh", "-c", script, "sh", question.encode().hex(), prompt, *command]
    return made, re.compile(re.escape(prompt.encode()))
