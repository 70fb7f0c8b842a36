"""What the rest of the house knows of a host's connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stella_ops.errors import NotYet
from stella_ops.transport.content import FileContent
from stella_ops.transport.traffic import Endpoint, Traffic


@dataclass(frozen=True, slots=True)
class Become:
    """The other user to act as. ``password`` goes to the program's standard input, never on a command line.

    Attributes:
        method: one of ``transport.become.METHODS``.
        program: in the place of the method's own; likewise ``flags``.
        prompts: what the program asks for a password with, where that is not what it usually says.
    """

    user: str = "root"
    method: str = "sudo"
    password: str | None = field(default=None, repr=False)
    program: str | None = None
    flags: tuple[str, ...] | None = None
    prompts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSpec:
    """How to reach one host: what the inventory says, rendered and checked.

    ``common_args`` is OpenSSH option text (``-o … -J …``); ``interpreter`` is None when the host's own first
    working Python is to be found. ``host_keys`` are public keys that are trusted for the host besides those of
    known_hosts files, ``host_authorities`` those of authorities that may certify its key. ``folder`` is where tasks
    of a ``local`` connection start; None for the user's home, as on other hosts. ``retries`` says how often more a
    host that cannot be reached is tried.
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
    retries: int = 0
    host_keys: tuple[str, ...] = ()
    host_authorities: tuple[str, ...] = ()
    folder: str | None = None


class Link:
    """A task's place in a chain of tasks that are sent to a host before those ahead of them have been answered.

    The host runs each after the one before it, and only if that one went well.

    Attributes:
        previous: the task before it; None for the first, which was sent in its turn.
        runner: the runner that has it; None until it is sent.
        task_id: its number there.
        final: whether its answer is the last that is said of the task; another call of it may follow otherwise.
        sent: set as soon as the runner has it.
        size: so many bytes were sent for it.
        here: where the host that has it is this machine, the account that it acts as there; else None.
    """

    __slots__ = ("final", "here", "previous", "runner", "sent", "size", "task_id")

    def __init__(self, previous: Link | None = None) -> None:
        self.previous = previous
        self.runner: object = None
        self.task_id = 0
        self.final = False
        self.here: str | None = None
        self.size = 0
        self.sent = asyncio.Event()

    def follow(self, runner: object) -> int | None:
        """The number of the task that this one is to run after, on some runner; None for the first of a chain.

        Raises:
            NotYet: the one before it is not there, or not done with a single answer.
        """
        if self.previous is None:
            return None
        if self.previous.runner is not runner or not self.previous.final:
            raise NotYet
        return self.previous.task_id

    def mark_sent(self, runner: object, task_id: int, *, final: bool, here: str | None = None) -> None:
        """Note that the runner has it. What a second call of the same task does is no longer part of the chain."""
        self.final = final and self.runner is None
        self.runner, self.task_id, self.here = runner, task_id, here
        self.previous = None
        self.sent.set()


class Listener(Protocol):
    """Is told what a task's command prints while it runs. It must return quickly and must not raise.

    Attributes:
        rate: bytes a second that the host may tell, on the average.
        total: bytes that it may tell in all.
    """

    rate: int
    total: int

    def __call__(self, stream: int, skipped: int, data: bytes) -> None:
        """Take a piece.

        Args:
            stream: 1 for standard output, 2 for standard error.
            skipped: bytes of the stream that were left out before it, as they were too many.
            data: what was printed; may end in the middle of a line or a character.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleCall:
    """One module to run on a host.

    ``content`` is a file's bytes for modules that take one (copy, template, agent_install); it reaches the
    module as a stream, not as an argument. ``progress`` is told of it while it travels: bytes that the host has, and
    bytes in all. ``timeout`` is in seconds, 0 for none. ``link`` places it in a chain of
    calls that are sent ahead. ``background`` makes it a job that outlives the task: its ``id`` and ``limit`` in
    seconds; the answer comes at once then. ``told`` is for modules that were written for
    ansible-core: ``interpreter``, the operator's choice for its shebang, and ``settings``, which such modules are told
    besides their arguments. ``live`` hears what its command prints meanwhile; None asks the host for nothing.
    ``folder`` is where it starts; None for home. ``invocation``: the answer is to tell the arguments.
    """

    module: str
    args: Mapping[str, Any]
    check: bool = False
    diff: bool = False
    timeout: float = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    content: bytes | Path | FileContent | None = None
    progress: Callable[[int, int], None] | None = None
    link: Link | None = None
    background: Mapping[str, Any] | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    live: Listener | None = None
    folder: str | None = None
    invocation: bool = False


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The outcome of a bare command (``raw``): exit status, or -N for a signal."""

    status: int
    stdout: bytes
    stderr: bytes


class RemoteSocket(Protocol):
    """A UNIX socket on a host whose connections are carried here.

    Attributes:
        path: on the host.
        lost: set when the connection to the host is gone, and the socket with it.
    """

    path: str
    lost: asyncio.Event

    async def close(self) -> None:
        """Have the host listen no more, and end the connections that are carried. The file stays on the host."""
        ...


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
            NotYet: it was to follow a call that did not go well, or cannot follow it; it has not run.
        """
        ...

    async def raw(
        self, command: str, become: Become | None = None, timeout: float = 0, live: Listener | None = None
    ) -> CommandResult:
        """Run a command through the login shell, without Python on the host; ``live`` hears what it prints."""
        ...

    async def hello(self, become: Become | None = None) -> dict[str, Any]:
        """What the runner said of itself when it started: python, uid, user, home, time …"""
        ...

    async def login(self) -> str:
        """The name that the host knows the login user by; connects where that has not been done.

        Raises:
            UnreachableError: no connection.
        """
        ...

    async def listen(self, path: str, endpoint: Endpoint, traffic: Traffic) -> RemoteSocket:
        """Have the host listen on a UNIX socket, and carry its connections to an address that is reached from here.

        It is part of the one connection to the host. The host's sshd makes the socket as the login user, mode 0600,
        where nothing of that name may be.

        Raises:
            UnreachableError: no connection.
            TunnelError: the host does not allow it.
        """
        ...

    async def close(self) -> None:
        """End the runner and the connection."""
        ...


Connector = Callable[[ConnectionSpec], Awaitable[HostSession]]
