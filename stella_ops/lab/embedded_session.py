"""One SSH session of an embedded host: a real command of a real shell, and the bytes in between.

What OpenSSH's server does is done here too: the command runs in a session of its own; each side's end of
input reaches the other; the channel closes when the command has ended *and* nobody holds its outputs any
more; a client that goes away means end of input and SIGHUP for the command's process group, and nothing for
processes that have made themselves daemons.
"""

# Starting programs is what this file is for.
# ruff: noqa: S603

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

_log = logging.getLogger("stella_ops.lab")

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What sessions need to know of their host. ``folder`` is home and working directory."""

    name: str
    user: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command_environment(self, process: asyncssh.SSHServerProcess[bytes]) -> dict[str, str]:
        """A login's minimal environment, and of the client's wishes the locale alone, as sshd's default."""
        wishes = {k: v for k, v in process.env.items() if k == "LANG" or k.startswith("LC_")}
        peer, own = process.get_extra_info("peername"), process.get_extra_info("sockname")
        made = {
            "PATH": SEARCH_PATH,
            "HOME": str(self.folder),
            "USER": self.user,
            "LOGNAME": self.user,
            "SHELL": "/bin/sh",
            "LANG": "C.UTF-8",
            "SSH_CONNECTION": f"{peer[0]} {peer[1]} {own[0]} {own[1]}" if peer and own else "",
            **self.environment,
            **wishes,
        }
        if process.term_type is not None:
            made["TERM"] = process.term_type
        return made


class HostFiles(asyncssh.SFTPServer):
    """SFTP on the real file system; relative paths start in the host's folder, as after a login."""

    def __init__(self, chan: Any, folder: Path) -> None:
        super().__init__(chan)
        self._folder = os.fsencode(folder)

    def map_path(self, path: bytes) -> bytes:
        """The path on this machine."""
        return os.path.join(self._folder, path)


class Sessions:
    """All sessions of the server's process, so that it can end them."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[None]] = set()
        self.connections: set[asyncssh.SSHServerConnection] = set()

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a session's coroutine, which must not raise."""
        task = self._group.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def end(self, patience: float) -> None:
        """Close every connection: sessions hang up on their commands and have ``patience`` seconds to end."""
        for connection in list(self.connections):
            connection.close()
        if self._running:
            await asyncio.wait(self._running, timeout=patience)
        for task in list(self._running):
            task.cancel()


class HostSession(asyncssh.SSHServerProcess[bytes]):
    """A session channel: a command, a login shell, or SFTP."""

    def __init__(self, settings: HostSettings, sessions: Sessions) -> None:
        super().__init__(self._begin, lambda chan: HostFiles(chan, settings.folder), 3, False)
        self._settings = settings
        self._sessions = sessions
        self._gone = asyncio.Event()
        self._terminal: int | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed, in whatever way."""
        self._gone.set()
        super().connection_lost(exc)

    def signal_received(self, signal: str) -> None:
        """The client's signals are for the command's process group."""
        self._kill(f"SIG{signal}")

    def break_received(self, msec: int) -> bool:
        """A break is no signal here."""
        return False

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """Tell the terminal, which tells the command."""
        if self._terminal is not None:
            size = struct.pack("HHHH", height, width, pixwidth, pixheight)
            with suppress(OSError):
                fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def _begin(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        # A task of the server, not of the connection: it has work to do when the connection is lost.
        self._sessions.start(self._run())

    async def _run(self) -> None:
        try:
            if self.subsystem is not None:
                self.stderr.write(b"no such subsystem\n")
                self.exit(1)
            else:
                await self._command()
        except (OSError, asyncssh.Error) as problem:
            _log.warning("%s: a session ended early: %r", self._settings.name, problem)
            self.close()
        except Exception:
            _log.exception("%s: a session failed", self._settings.name)
            self.close()

    async def _command(self) -> None:
        if self.term_type is None:
            child, to_child, from_child = self._start_piped()
        else:
            child, to_child, from_child = self._start_terminal()
        self._child = child
        ended = _end_of(child)
        readers, transports = [], []
        for descriptor in from_child:
            reader, transport = await _open_reader(descriptor)
            readers.append(reader)
            transports.append(transport)
        feed = asyncio.create_task(self._feed(await _open_writer(to_child)))
        outputs = asyncio.gather(
            *(self._drain(reader, writer) for reader, writer in zip(readers, (self.stdout, self.stderr), strict=False))
        )
        gone = asyncio.create_task(self._gone.wait())
        try:
            await _first(outputs, gone)
            if not self._gone.is_set():
                self.stdout.write_eof()
                await _first(ended, gone)
        finally:
            if not ended.done():
                self._kill("SIGHUP")
            # Closing a pipe is the end of input for the command, or the loss of whoever read its output.
            feed.cancel()
            outputs.cancel()
            gone.cancel()
            await asyncio.gather(feed, outputs, gone, return_exceptions=True)
            for transport in transports:
                transport.close()
        self._report(await ended)

    def _start_piped(self) -> tuple[subprocess.Popen[bytes], int, list[int]]:
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        try:
            child = self._spawn(self._shell(), in_read, out_write, err_write)
        except BaseException:
            for descriptor in (in_write, out_read, err_read):
                os.close(descriptor)
            raise
        finally:
            for descriptor in (in_read, out_write, err_write):
                os.close(descriptor)
        return child, in_write, [out_read, err_read]

    def _start_terminal(self) -> tuple[subprocess.Popen[bytes], int, list[int]]:
        master, slave = pty.openpty()
        try:
            self._terminal = master
            self.terminal_size_changed(*self.term_size)
            # The leader of a new session gets the terminal that it opens first as its controlling one.
            adopt = 'tty=$1; shift; exec "$@" <"$tty" >"$tty" 2>&1'
            shell = ["/bin/sh", "-c", adopt, "sh", os.ttyname(slave), *self._shell()]
            return self._spawn(shell, slave, slave, slave), os.dup(master), [master]
        finally:
            os.close(slave)

    def _shell(self) -> list[str]:
        return ["/bin/sh", "-l"] if self.command is None else ["/bin/sh", "-c", self.command]

    def _spawn(self, argv: list[str], stdin: int, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=self._settings.folder,
            env=self._settings.command_environment(self),
            start_new_session=True,
        )

    async def _feed(self, writer: asyncio.StreamWriter) -> None:
        """The client's input to the command; what the command does not want is read and dropped."""
        wanted = True
        try:
            while data := await self.stdin.read(_CHUNK):
                if wanted:
                    try:
                        writer.write(data)
                        await writer.drain()
                    except (ConnectionError, OSError):
                        wanted = False
        except (OSError, asyncssh.Error):
            pass  # the client is gone: end of input as well
        finally:
            writer.close()

    async def _drain(self, reader: asyncio.StreamReader, writer: asyncssh.SSHWriter[bytes]) -> None:
        """One of the command's outputs to the client, as fast as the client takes it."""
        while True:
            try:
                data = await reader.read(_CHUNK)
            except OSError:  # how a terminal says that nobody has it open any more
                return
            if not data:
                return
            writer.write(data)
            await writer.drain()

    def _kill(self, name: str) -> None:
        number = getattr(signal, name, None)
        # An ended child's id may be someone else's: its group is left alone then.
        if isinstance(number, signal.Signals) and self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, number)

    def _report(self, status: int) -> None:
        self._terminal = None
        if status >= 0:
            self.exit(status)
            return
        try:
            self.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        except ValueError:  # a real-time signal has no name in SSH
            self.exit(128 - status)


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Wait until one of them is done, whatever came of it."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def _end_of(child: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """A future of the child's exit status. A thread waits: no signal handler, no limit on their number."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def tell(status: int) -> None:
        if not ended.done():
            ended.set_result(status)

    def wait() -> None:
        status = child.wait()
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(tell, status)

    threading.Thread(target=wait, daemon=True).start()
    return ended


async def _open_reader(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader(limit=_CHUNK)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader, transport


async def _open_writer(descriptor: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()),
        os.fdopen(descriptor, "wb", buffering=0),
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)
