"""A bare command on a host: no Python there, no runner.

With ``become``, the password is written only after a prompt for it, and the command itself reads from ``/dev/null``,
so that a command that reads its input can never see it. A mark on standard error tells that the command begins: what
stands before it is the other program's, which has refused where there is no mark.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from stella_ops.errors import TaskError, TaskTimeoutError
from stella_ops.transport.base import Become, CommandResult, Listener
from stella_ops.transport.beginning import Beginning, Writer
from stella_ops.transport.start_errors import become_refused

OUTPUT_LIMIT = 1 << 26


class _Reader(Protocol):
    async def read(self, n: int = ...) -> bytes: ...


class RawExchange:
    """One bare command: its command line, and the conversation on its pipes.

    Args:
        live: hears what it prints.
    """

    def __init__(self, command: str, become: Become | None, *, name: str, live: Listener | None = None) -> None:
        self._name = name
        self._live = live
        self._told = {1: 0, 2: 0}
        self._become = become
        self._begun = become is None
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._beginning: Beginning | None = None
        self.command = command
        if become is not None:
            self._beginning = Beginning(f"exec </dev/null; {command}", become, stream=2, name=name)
            self.command = self._beginning.command

    async def run(self, stdin: Writer, stdout: _Reader, stderr: _Reader) -> None:
        """Read both outputs to their end, answering a prompt on the way."""
        if self._beginning is None or not self._beginning.asks:
            stdin.write_eof()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._collect(stdout, self._stdout, stdin if self._aloud else None))
                group.create_task(self._collect(stderr, self._stderr, stdin))
        except ExceptionGroup as problems:
            # Both end for the same reason: the connection broke.
            raise problems.exceptions[0] from None

    @property
    def _aloud(self) -> bool:
        return self._beginning is not None and self._beginning.aloud

    async def _collect(self, reader: _Reader, into: bytearray, stdin: Writer | None) -> None:
        while data := await reader.read(65536):
            into += data
            self._check_size(into)
            if not self._begun and stdin is not None:
                self._look(into, stdin)
            self._tell(into)
        self._tell(into, last=True)

    def _tell(self, said: bytearray, *, last: bool = False) -> None:
        """Tell what the command has printed; not what another program asked and was answered before it."""
        stream = 1 if said is self._stdout else 2
        mixed = stream == 2 or self._aloud
        if self._live is None or (mixed and not self._begun and not last):
            return
        told = self._told[stream]
        if len(said) > told:
            self._live(stream, 0, bytes(said[told:]))
            self._told[stream] = len(said)

    def _look(self, said: bytearray, stdin: Writer) -> None:
        """Whether the command has begun, or a password is asked for."""
        assert self._beginning is not None
        if self._beginning.take_mark(said) is not None:
            self._begun = True
        else:
            self._beginning.answer(said, stdin)

    def _check_size(self, collected: bytearray) -> None:
        """A command that never stops talking must not fill the controller's memory."""
        if len(collected) > OUTPUT_LIMIT:
            raise TaskError(
                f"the command printed more than {OUTPUT_LIMIT >> 20} MiB",
                where=self._name,
                hint="redirect its output to a file on the host",
            )

    def result(self, status: int) -> CommandResult:
        """The outcome.

        Raises:
            BecomeError: the command never began: the other user's privilege was refused.
        """
        asked = 0 if self._beginning is None else self._beginning.asked
        if asked > 1 or (asked and self._become and self._become.password is None):
            said = "the password is wrong" if asked > 1 else "a password is required"
            raise become_refused(self._become, said, self._name)
        if not self._begun:
            words = (bytes(self._stderr) or bytes(self._stdout)).decode("utf-8", "replace")
            raise become_refused(self._become, words, self._name)
        return CommandResult(status, bytes(self._stdout), bytes(self._stderr))

    def too_late(self, timeout: float) -> TaskTimeoutError:
        """The error for a command that did not end in time."""
        return TaskTimeoutError(f"the command did not end within {timeout} seconds", where=self._name)
