"""A bare command on a host: no Python there, no runner.

With ``become`` and a password, the password is written only after sudo's own prompt, and the command itself
reads from ``/dev/null``, so that a command that reads its input can never see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from typing import Protocol

from stella_ops.errors import BecomeError, TaskError, TaskTimeoutError
from stella_ops.transport.base import Become, CommandResult, Listener
from stella_ops.transport.launch import wrap_become

OUTPUT_LIMIT = 1 << 26


class _Reader(Protocol):
    async def read(self, n: int = ...) -> bytes: ...


class _Writer(Protocol):
    def write(self, data: bytes) -> None: ...

    def write_eof(self) -> None: ...


class RawExchange:
    """One bare command: its command line, and the conversation on its pipes.

    Args:
        live: hears what it prints.
    """

    def __init__(self, command: str, become: Become | None, *, name: str, live: Listener | None = None) -> None:
        self._name = name
        self._live = live
        self._told = 0
        self._become = become
        self._prompt: bytes | None = None
        self._prompted = 0
        self._stdout = bytearray()
        self._stderr = bytearray()
        if become is None:
            self.command = command
        else:
            script = f"exec </dev/null; {command}"
            wrapped, self._prompt = wrap_become(["/bin/sh", "-c", script], become, name=name)
            self.command = shlex.join(wrapped)

    async def run(self, stdin: _Writer, stdout: _Reader, stderr: _Reader) -> None:
        """Read both outputs to their end, answering sudo's prompt on the way."""
        if self._prompt is None:
            stdin.write_eof()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._collect(stdout, self._stdout))
                group.create_task(self._watch(stderr, stdin))
        except ExceptionGroup as problems:
            # Both end for the same reason: the connection broke.
            raise problems.exceptions[0] from None

    async def _collect(self, reader: _Reader, into: bytearray) -> None:
        while data := await reader.read(65536):
            into += data
            self._check_size(into)
            if self._live is not None:
                self._live(1, 0, data)

    async def _watch(self, reader: _Reader, stdin: _Writer) -> None:
        while data := await reader.read(65536):
            self._stderr += data
            self._check_size(self._stderr)
            if self._prompt is not None and self._prompt in self._stderr:
                at = self._stderr.index(self._prompt)
                del self._stderr[at : at + len(self._prompt)]
                self._prompted += 1
                if self._prompted == 1 and self._become is not None and self._become.password is not None:
                    stdin.write(self._become.password.encode() + b"\n")
                else:
                    with contextlib.suppress(OSError):
                        stdin.write_eof()
            if self._live is not None:
                self._tell_complaints(self._live, len(self._stderr) - _begun(self._stderr, self._prompt))
        if self._live is not None:
            self._tell_complaints(self._live, len(self._stderr))

    def _tell_complaints(self, live: Listener, end: int) -> None:
        """Tell what stands on standard error, sudo's prompt excepted."""
        if end > self._told:
            live(2, 0, bytes(self._stderr[self._told : end]))
            self._told = end

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
            BecomeError: sudo asked a second time: the password is wrong.
        """
        if self._prompted > 1:
            raise BecomeError(
                "cannot become the other user: the password is wrong",
                where=self._name,
                hint="check the become password (-K or ansible_become_password)",
            )
        return CommandResult(status, bytes(self._stdout), bytes(self._stderr))

    def too_late(self, timeout: float) -> TaskTimeoutError:
        """The error for a command that did not end in time."""
        return TaskTimeoutError(f"the command did not end within {timeout} seconds", where=self._name)


def _begun(text: bytearray, prompt: bytes | None) -> int:
    """How many bytes at the end of a text may be the beginning of a prompt."""
    longest = min(len(text), len(prompt) - 1) if prompt else 0
    return next((size for size in range(longest, 0, -1) if prompt and text.endswith(prompt[:size])), 0)
