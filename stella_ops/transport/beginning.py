"""What comes before a command of another user: maybe a question for a password, then a mark that it begins.

The password is written only where it is asked for, and once. What stands before the mark is another program's talk; one
who refuses ends without it.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shlex
from typing import Protocol

from stella_ops.transport.base import Become
from stella_ops.transport.launch import wrap_become


class Writer(Protocol):
    """Standard input of the command."""

    def write(self, data: bytes) -> None: ...

    def write_eof(self) -> None: ...


class Beginning:
    """The command line of one command, and the conversation until it begins.

    Args:
        script: what follows the mark, for a shell.
        stream: where the mark is printed: 1 or 2.
        name: the host, for errors.

    Attributes:
        command: for the host's shell.
        asks: a password may be asked for.
        aloud: on standard output, too.
        asked: how often one was.
    """

    def __init__(self, script: str, become: Become | None, *, stream: int, name: str) -> None:
        mark = f"[stella-ops begins {secrets.token_hex(8)}]"
        words = ["/bin/sh", "-c", f"printf %s '{mark}' >&{stream}; {script}"]
        question: re.Pattern[bytes] | None = None
        self.aloud = False
        if become is not None:
            words, question, self.aloud = wrap_become(words, become, name=name)
        self.command = shlex.join(words)
        self.mark = mark.encode()
        self.asks = question is not None
        self.asked = 0
        self._question = question
        self._password = None if become is None else become.password

    def take_mark(self, said: bytearray) -> int | None:
        """Where in what was said the command begins; the mark is taken out. None where it does not yet."""
        at = said.find(self.mark)
        if at < 0:
            return None
        del said[at : at + len(self.mark)]
        return at

    def answer(self, said: bytearray, stdin: Writer) -> None:
        """Answer a question for the password in what was said, which is taken out; a second one has no answer."""
        found = self._question.search(said) if self._question is not None else None
        if found is None:
            return
        del said[found.start() : found.end()]
        self.asked += 1
        if self.asked == 1 and self._password is not None:
            stdin.write(self._password.encode() + b"\n")
        else:
            with contextlib.suppress(OSError):
                stdin.write_eof()
