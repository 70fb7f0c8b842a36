"""What a tunnel has carried, and where it leads. Nothing here needs asyncssh."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stella_ops.errors import UsageError

_URL = re.compile(
    r"https://(?:\[(?P<bracketed>[0-9A-Fa-f:.]+)\]|(?P<host>[^/\s?#@:\[\]]+))(?::(?P<port>[0-9]{1,5}))?/?"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where connections are carried to: the orchestrator, as seen from here."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint_of(url: str) -> Endpoint:
    """The address in an orchestrator's URL, ``https://HOST[:PORT]``; port 443 where it names none.

    Raises:
        UsageError: it is no such URL.
    """
    found = _URL.fullmatch(url)
    port = int(found["port"] or 443) if found else 0
    if found is None or not 0 < port < 65536:
        raise UsageError(
            f"'{url}' is no orchestrator's URL", hint="write it like https://orchestrator.example.com:8443"
        )
    return Endpoint(found["bracketed"] or found["host"], port)


def endpoint_of_listener(listen: str) -> Endpoint:
    """The address at which a listener of this machine is reached: ``0.0.0.0:8443`` is reached at 127.0.0.1."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    return Endpoint({"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}.get(host, host), int(port))  # noqa: S104


@dataclass(slots=True)
class Traffic:
    """Counts of one host's tunnel; they go on over reconnections.

    Attributes:
        connections: that are open now.
        accepted: connections in all.
        refused: connections that came to nothing, since the orchestrator did not answer or too many were open.
        from_host, to_host: bytes carried.
        last_used: when something was last carried or a connection was open, by ``clock``.
        problem: why the last connection was refused; None as soon as one gets through.
    """

    clock: Callable[[], float] = time.monotonic
    connections: int = 0
    accepted: int = 0
    refused: int = 0
    from_host: int = 0
    to_host: int = 0
    problem: str | None = None
    last_used: float = field(init=False)

    def __post_init__(self) -> None:
        self.last_used = self.clock()

    def opened(self) -> None:
        """A connection is carried from now on."""
        self.connections += 1
        self.accepted += 1
        self.problem = None
        self.last_used = self.clock()

    def closed(self) -> None:
        """One that was carried has ended."""
        self.connections -= 1
        self.last_used = self.clock()

    def was_refused(self, why: str) -> None:
        """One came to nothing."""
        self.refused += 1
        self.problem = why
        self.last_used = self.clock()

    def idle(self) -> float:
        """Seconds since the tunnel was last in use; 0 while a connection is open."""
        return 0.0 if self.connections else max(0.0, self.clock() - self.last_used)
