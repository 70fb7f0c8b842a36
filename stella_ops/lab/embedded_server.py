"""The process behind embedded hosts: an SSH server for each, in one event loop.

Run as ``python -m stella_ops.lab.embedded_server CONFIG READY_FD``. It leaves its caller's session, binds
every host's port on 127.0.0.1 (the remembered one where it is free, else any), writes one JSON line to the
descriptor READY_FD, and serves until SIGTERM:

    {"ports": {"lab1": 40123, …}}       or        {"error": "…"}

CONFIG is a JSON file: ``{"user", "pid_file", "authorized_keys", "hosts": [HOST, …]}``, a HOST being
``{"name", "port", "key", "folder"}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh

from stella_ops.lab.embedded_forward import open_forward
from stella_ops.lab.embedded_session import HostSession, HostSettings, Sessions

_log = logging.getLogger("stella_ops.lab")


class HostServer(asyncssh.SSHServer):
    """One client's connection to one embedded host: public key login of one user, sessions, forwarding."""

    def __init__(self, settings: HostSettings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember the connection: sessions are made on it."""
        self._connection = conn
        self._sessions.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._connection is not None:
            self._sessions.connections.discard(self._connection)

    def session_requested(self) -> Any:
        """A session of the one user there is; it speaks bytes, whatever they mean."""
        assert self._connection is not None
        if self._connection.get_extra_info("username") != self._settings.user:
            return False
        channel = self._connection.create_server_channel(encoding=None)
        return channel, HostSession(self._settings, self._sessions)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        """Forwarding to this machine is allowed, so that a host can be tried as a jump host."""
        if dest_host in {"localhost", "::1"} or dest_host.startswith("127."):
            return open_forward(dest_host, dest_port)
        return False

    def unix_server_requested(self, listen_path: str) -> bool:
        """A socket of the host's may be carried to the client, below its own folder: that is what a tunnel needs."""
        return Path(listen_path).resolve().is_relative_to(self._settings.folder.resolve())


def bind(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1 at ``port``, or at any free port where that one is taken."""
    for wanted in (port, 0) if port else (0,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # Only a socket that still listens keeps the port then, not a closed connection's remains.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", wanted))
            listener.listen(512)
            return listener
        except OSError:
            listener.close()
            if not wanted:
                raise
    raise AssertionError("unreachable")


async def serve(config: dict[str, Any], ready: Callable[[dict[str, int]], None]) -> None:
    """Serve all hosts until SIGTERM or SIGINT; ``ready`` is called with the hosts' ports once they listen."""
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    ports: dict[str, int] = {}
    async with asyncio.TaskGroup() as group, contextlib.AsyncExitStack() as listening:
        sessions = Sessions(group)
        for host in config["hosts"]:
            settings = HostSettings(name=host["name"], user=config["user"], folder=Path(host["folder"]))
            listener = bind(host["port"])
            ports[host["name"]] = listener.getsockname()[1]
            acceptor = await asyncssh.listen(
                sock=listener,
                server_factory=functools.partial(HostServer, settings, sessions),
                server_host_keys=[host["key"]],
                authorized_client_keys=config["authorized_keys"],
                password_auth=False,
                kbdint_auth=False,
                host_based_auth=False,
                gss_host=None,
                encoding=None,
                line_editor=False,
                # On loopback compression would only cost time.
                compression_algs=["none"],
                login_timeout=60,
            )
            listening.callback(acceptor.close)
        ready(ports)
        await over.wait()
        await sessions.end(patience=2)


def detach() -> None:
    """Become a process of nobody's: own session, no terminal, orphaned, so that no caller has to reap it.

    Signals that the caller ignores (all below nohup ignore SIGHUP) have their usual meaning again: the hosts'
    commands inherit that, and must end when their client hangs up.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)


def main(argv: list[str]) -> int:
    """Run the server; see the module's docstring for the two arguments."""
    config = json.loads(Path(argv[0]).read_text(encoding="utf-8"))
    ready_fd = int(argv[1])
    detach()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)

    def answer(data: dict[str, Any]) -> None:
        os.write(ready_fd, (json.dumps(data) + "\n").encode())
        os.close(ready_fd)

    # The lock, not the number in the file, says that the server lives: it cannot outlast the process.
    pid_file = Path(config["pid_file"]).open("a+")  # noqa: SIM115
    try:
        fcntl.flock(pid_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        answer({"error": "another server runs in this folder already"})
        return 1
    pid_file.seek(0)
    pid_file.truncate()
    pid_file.write(f"{os.getpid()}\n")
    pid_file.flush()
    try:
        asyncio.run(serve(config, lambda ports: answer({"ports": ports})))
    except (OSError, asyncssh.Error, ValueError) as problem:
        _log.exception("the server cannot go on")
        try:
            answer({"error": str(problem)})
        except OSError:
            pass  # it failed after it had answered
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
