"""What the rest of the house knows of a host's connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stella_ops.transport.content import FileContent


@dataclass(frozen=True, slots=True)
class Become:
    """The other user to act as. ``password`` is handed to sudo on its standard input, never on a command line."""

    user: str = "root"
    method: str = "sudo"
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSpec:
    """How to reach one host: what the inventory says, rendered and checked.

    ``common_args`` is OpenSSH option text (``-o … -J …``); ``interpreter`` is None when the host's own first
    working Python is to be found.
    """

    name: str
    kind: str = "ssh"
    address: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    private_key_file: Path | None = None
    common_args: str = ""
    interpreter: str | None = None
    connect_timeout: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleCall:
    """One module to run on a host.

    ``content`` is a file's bytes for modules that take one (copy, template, agent_install); it reaches the
    module as a stream, not as an argument. ``progress`` is told of it while it travels: bytes that the host has, and
    bytes in all. ``timeout`` is in seconds, 0 for none.
    """

    module: str
    args: Mapping[str, Any]
    check: bool = False
    diff: bool = False
    timeout: float = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    content: bytes | Path | FileContent | None = None
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The outcome of a bare command (``raw``): exit status, or -N for a signal."""

    status: int
    stdout: bytes
    stderr: bytes


class HostSession(Protocol):
    """One host, connected or to be connected: one SSH connection, one runner channel for each become user."""

    spec: ConnectionSpec

    async def call(self, call: ModuleCall, become: Become | None = None) -> dict[str, Any]:
        """Run a module on the host and return what it answered.

        A module's own failure is an answer like others: ``{"failed": true, "msg": …}``.

        Raises:
            UnreachableError: no connection, key refused, no privilege, no Python; or the connection broke.
            ModuleCrashError: the module died without an answer.
            TaskTimeoutError: it did not end within its time, and was killed.
        """
        ...

    async def raw(self, command: str, become: Become | None = None, timeout: float = 0) -> CommandResult:
        """Run a command through the login shell, without Python on the host."""
        ...

    async def hello(self, become: Become | None = None) -> dict[str, Any]:
        """What the runner said of itself when it started: python, uid, user, home, time …"""
        ...

    async def close(self) -> None:
        """End the runner and the connection."""
        ...


Connector = Callable[[ConnectionSpec], Awaitable[HostSession]]
