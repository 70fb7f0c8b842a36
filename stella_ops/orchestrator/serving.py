"""Runs the server: identity, sockets, doorway, uvicorn, housekeeping; and ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

import uvicorn

from stella_ops import __version__
from stella_ops.agents.fleet import Fleet
from stella_ops.errors import UsageError
from stella_ops.orchestrator.app import application
from stella_ops.orchestrator.context import Orchestrator, open_services
from stella_ops.orchestrator.doorway import DoorLimits, Doorway, listen
from stella_ops.orchestrator.housekeeping import keep_house
from stella_ops.orchestrator.journal import Journal, JournalHandler
from stella_ops.orchestrator.limits import RateLimit
from stella_ops.orchestrator.metrics import Metrics
from stella_ops.orchestrator.notify import notify
from stella_ops.orchestrator.protocol import Deadlines, PeerProtocol
from stella_ops.orchestrator.release import Releases
from stella_ops.orchestrator.tls import load_identity, server_context
from stella_ops.pki.server import ServerIdentity

_GRACE = 10  # seconds that running requests get when the server is to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What the server says when it is ready."""

    url: str
    listening: tuple[str, ...]
    public_key_pin: str
    ca_pin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The limits that hold for connections; the defaults are for production."""

    door: DoorLimits = field(default_factory=DoorLimits)
    deadlines: Deadlines = field(default_factory=Deadlines)
    keep_alive: int = 75


class _Server(uvicorn.Server):
    """uvicorn's server without its sockets and signals: the doorway has the ones, ``serve`` the others."""

    door: tuple[asyncio.Task[None], ...] = ()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.servers = []
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Nobody is let in any more, before those who are in are asked to leave.
        for task in self.door:
            task.cancel()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    fleet: Fleet,
    *,
    endpoint: str,
    log: TextIO,
    on_ready: Callable[[Ready], None],
    patience: Patience | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        endpoint: address and port to listen at; port 0 takes a free one.
        log: where the JSON lines go.
        on_ready: told when connections are accepted.

    Raises:
        StellaError: it cannot begin.
    """
    await fleet.call(open_services, fleet)
    identity = await fleet.call(fleet.look_after_server_identity)
    context = server_context(identity, fleet.authority)
    listeners = _listen(endpoint)
    try:
        with Journal(log, clock=fleet.clock) as journal:
            desk = Orchestrator(
                fleet=fleet,
                url=fleet.orchestrator_url,
                journal=journal,
                metrics=Metrics(),
                strangers=RateLimit(fleet.project.orchestrator.stranger_rate, clock=time.monotonic),
                most_body=fleet.project.orchestrator.max_body,
                releases=Releases(fleet, clock=time.monotonic),
            )
            try:
                with _libraries_log(journal):
                    await _run(desk, context, identity, listeners, on_ready, patience or Patience())
            finally:
                desk.pool.shutdown(wait=True)
    finally:
        for listener in listeners:
            listener.close()


async def _run(
    desk: Orchestrator,
    context: ssl.SSLContext,
    identity: ServerIdentity,
    listeners: list[socket.socket],
    on_ready: Callable[[Ready], None],
    patience: Patience,
) -> None:
    config = uvicorn.Config(
        application(desk),
        http=PeerProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=patience.keep_alive,
        timeout_graceful_shutdown=_GRACE,
    )
    config.load()
    server = _Server(config)

    def make_protocol() -> PeerProtocol:
        made = PeerProtocol(config, server.server_state, {})
        made.deadlines = patience.deadlines
        return made

    def refused(reason: str, address: str, said: str | None) -> None:
        desk.metrics.refused(reason)
        if reason in ("certificate", "full"):
            # asyncio ends such a connection without the alert that TLS has for it: only here it is told why.
            desk.journal.event("connection refused", level="warning", reason=reason, address=address, problem=said)

    doorway = Doorway(make_protocol, context, limits=patience.door, on_refused=refused)
    desk.metrics.watch_connections(lambda: doorway.connections)

    def end() -> None:
        server.force_exit = server.should_exit  # asked twice, it does not wait for those who are in
        server.should_exit = True
        desk.bells.stop()
        notify("STOPPING=1")

    renewed = _Renewal(desk, context, identity)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        async with asyncio.TaskGroup() as group:
            server.door = tuple(group.create_task(doorway.serve(listener)) for listener in listeners)
            house = group.create_task(keep_house(desk, renewed.look))
            addresses = tuple(_address(listener) for listener in listeners)
            desk.journal.event("ready", version=__version__, url=desk.url, listening=", ".join(addresses))
            on_ready(
                Ready(
                    url=desk.url,
                    listening=addresses,
                    public_key_pin=identity.public_key_pin,
                    ca_pin=desk.fleet.authority.pin,
                )
            )
            notify(f"READY=1\nMAINPID={os.getpid()}\nSTATUS=serving {desk.url}")
            await server.serve()
            house.cancel()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        desk.journal.event("end")


class _Renewal:
    """Has the server answer with a new certificate when the old one is due, without a restart."""

    def __init__(self, desk: Orchestrator, context: ssl.SSLContext, identity: ServerIdentity) -> None:
        self._desk = desk
        self._context = context
        self._identity = identity

    def look(self) -> None:
        found = self._desk.fleet.look_after_server_identity()
        if found.certificate_sha256 != self._identity.certificate_sha256:
            load_identity(self._context, found)
            self._identity = found
            self._desk.journal.event("server certificate renewed", not_after=found.not_after.isoformat())


def _listen(endpoint: str) -> list[socket.socket]:
    host, _, port = endpoint.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        return listen(host, int(port))
    except OSError as problem:
        raise UsageError(
            f"cannot listen at {endpoint}: {problem.strerror or problem}",
            hint="is another server running there? --listen ADDRESS:PORT, or listen in [orchestrator] of stella.toml",
        ) from None


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextlib.contextmanager
def _libraries_log(journal: Journal) -> Iterator[None]:
    handler = JournalHandler(journal)
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "asyncio")]
    before: list[tuple[Any, ...]] = [(logger, logger.handlers[:], logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers[:] = [handler] if logger.name != "uvicorn.error" else []
        logger.propagate = logger.name == "uvicorn.error"
    try:
        yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers[:] = handlers
            logger.propagate = propagate
