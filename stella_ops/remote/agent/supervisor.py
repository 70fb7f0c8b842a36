"""``stella-agent supervise`` and ``stop``: keep the agent running where no service manager can.

The supervisor is a daemon (no terminal, no inherited descriptor: an SSH session that started it can end).
It runs ``stella-agent run`` as its child and starts it again after a crash, after 1 s, 2 s … at most 60 s.
The two hold the ends of a socket: the child says "ready" on it, and the end of one is seen by the other even
when it was killed outright.
"""

import os
import select
import signal
import socket
import sys
import time

from stella_ops.remote.agent import storage
from stella_ops.remote.lib import pidfile

READY_SECONDS = 30.0
STOP_SECONDS = 20.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
STEADY_SECONDS = 60.0  # a child that lived so long was well: the next pause is the first again


def start(layout, program, log):
    """Start a supervised agent, unless one is there; (exit status, sentence).

    ``program``: the command that a child is started by, up to ``run``, as a list of strings. Returns when the
    agent is up (0), or could not be started (1, with the reason).
    """
    storage.prepare_folders(layout)
    running = pidfile.holder(layout.supervisor_pidfile)
    if running is not None:
        return 0, "already supervised by process %d" % running
    reading, writing = os.pipe()
    middle = os.fork()
    if middle == 0:
        status = 1
        try:
            os.close(reading)
            os.setsid()
            if os.fork() == 0:
                _become_daemon(writing)
                status = _Supervisor(layout, program, log, writing).run()
            else:
                status = 0
        except BaseException as problem:
            _report(writing, "failed: %s" % problem)
        finally:
            os._exit(status)
    os.close(writing)
    os.waitpid(middle, 0)
    said = _read_all(reading)
    if said.startswith("ready") or said.startswith("already"):
        return 0, said
    return 1, said or "the supervisor ended without a word"


def stop(layout, timeout=STOP_SECONDS + 10):
    """Stop the supervisor and the agent, and wait until both are gone; (exit status, sentence)."""
    if pidfile.holder(layout.supervisor_pidfile) is None and pidfile.holder(layout.pidfile) is None:
        return 0, "not running"
    for path in (layout.supervisor_pidfile, layout.pidfile):
        if not _end(path, timeout):
            return 1, "process %s does not end (%s)" % (pidfile.holder(path), path)
    return 0, "stopped"


def _end(path, timeout):
    """End the holder of a pid file: politely, and by force when the time is over."""
    for number, wait in ((signal.SIGTERM, timeout), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + wait
        while True:
            pid = pidfile.holder(path)
            if pid is None:
                return True
            if pid:  # 0: it has the lock but has not written its pid yet
                break
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            return False
        if pidfile.wait_until_free(path, deadline - time.monotonic()):
            return True
    return False


def _become_daemon(keep):
    os.chdir("/")
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for descriptor in _open_descriptors():
        if descriptor > 2 and descriptor != keep:
            try:
                os.close(descriptor)
            except OSError:
                pass
    os.set_inheritable(keep, False)
    for name in list(os.environ):
        if name.startswith("SSH_"):  # belongs to the session that ends now
            del os.environ[name]
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _open_descriptors():
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return range(3, min(os.sysconf("SC_OPEN_MAX"), 65536))


def _report(descriptor, message):
    try:
        os.write(descriptor, message.encode("utf-8"))
    except OSError:
        pass


def _read_all(descriptor):
    parts: "list[bytes]" = []
    while True:
        part = os.read(descriptor, 4096)
        if not part:
            os.close(descriptor)
            return b"".join(parts).decode("utf-8", "replace").strip()
        parts.append(part)


class _Supervisor(object):
    def __init__(self, layout, program, log, starter):
        self._layout = layout
        self._program = program
        self._log = log
        self._starter = starter  # the pipe to whoever ran ``supervise``; None once it was told
        self._child = -1
        self._link: "socket.socket"
        self._wake = -1
        self._stopping = False

    def run(self):
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._wake = reading
        claim = pidfile.PidFile(self._layout.supervisor_pidfile)
        try:
            claim.acquire()
        except pidfile.AlreadyRunning as problem:
            self._answer("already supervised by process %d" % problem.pid)
            return 0
        try:
            return self._supervise()
        finally:
            claim.release()

    def _supervise(self):
        self._log.info("supervisor-started")
        pause = FIRST_PAUSE
        while True:
            born = time.monotonic()
            self._spawn()
            ready, said = self._await_ready()
            if self._starter is not None and not ready:
                # The very first start failed: whoever asked hears why, and nothing stays behind.
                self._finish()
                self._answer(said)
                self._log.error("supervisor-stopped", problem=said)
                return 1
            self._answer("ready")
            self._watch()
            if self._stopping:
                self._finish()
                break
            status = self._reap()
            if time.monotonic() - born >= STEADY_SECONDS:
                pause = FIRST_PAUSE
            self._log.error("agent-ended", status=status, restart_in_seconds=pause)
            self._rest(pause)
            if self._stopping:
                break
            pause = min(pause * 2, LONGEST_PAUSE)
        self._log.info("supervisor-stopped")
        return 0

    def _answer(self, message):
        if self._starter is not None:
            _report(self._starter, message)
            os.close(self._starter)
            self._starter = None

    def _spawn(self):
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            try:
                signal.set_wakeup_fd(-1)
                theirs.set_inheritable(True)
                command = self._program + ["--supervisor-fd", str(theirs.fileno())]
                os.execv(command[0], command)
            except BaseException as problem:
                theirs.sendall(("failed: %s\n" % problem).encode("utf-8"))
            finally:
                os._exit(127)
        theirs.close()
        self._child, self._link = child, ours

    def _await_ready(self):
        """Wait for the child's word; (whether it is ready, what it said)."""
        deadline = time.monotonic() + READY_SECONDS
        said = b""
        while b"\n" not in said:
            left = deadline - time.monotonic()
            if left <= 0:
                return False, "failed: the agent was not ready within %d seconds" % READY_SECONDS
            readable = select.select([self._link.fileno(), self._wake], [], [], left)[0]
            self._note_signals()
            if self._stopping:
                return False, "failed: told to stop while starting"
            if self._link.fileno() in readable:
                part = self._link.recv(4096)
                if not part:
                    return False, said.decode("utf-8", "replace").strip() or "failed: the agent ended at once"
                said += part
        text = said.decode("utf-8", "replace").strip()
        return text == "ready", text

    def _note_signals(self):
        """Take in the signals since last time; SIGTERM and SIGINT set ``_stopping``."""
        try:
            received = set(os.read(self._wake, 4096))
        except BlockingIOError:
            received = set()
        if signal.SIGTERM in received or signal.SIGINT in received:
            self._stopping = True
        return received

    def _watch(self):
        """Wait until the child ends or we are told to stop; SIGHUP is passed on."""
        while not self._stopping:
            readable = select.select([self._link.fileno(), self._wake], [], [])[0]
            if signal.SIGHUP in self._note_signals():
                os.kill(self._child, signal.SIGHUP)
            if self._link.fileno() in readable and not self._link.recv(4096):
                return

    def _rest(self, seconds):
        deadline = time.monotonic() + seconds
        left = seconds
        while left > 0 and not self._stopping:
            select.select([self._wake], [], [], left)
            self._note_signals()
            left = deadline - time.monotonic()

    def _reap(self):
        """Collect a child that has closed its end, or is about to."""
        self._link.close()
        return os.waitpid(self._child, 0)[1]

    def _finish(self):
        """Stop the child: politely, and by force when the time is over; its wait status."""
        deadline = time.monotonic() + STOP_SECONDS
        os.kill(self._child, signal.SIGTERM)
        while True:
            done, status = os.waitpid(self._child, os.WNOHANG)
            if done:
                self._link.close()
                return status
            left = deadline - time.monotonic()
            if left <= 0:
                os.kill(self._child, signal.SIGKILL)
                return self._reap()
            select.select([self._wake], [], [], min(left, 1.0))  # SIGCHLD wakes it
            self._note_signals()


def program_of(layout):
    """The command that a child is started by: the installed package, so that it is the current version's."""
    package = layout.package if os.path.exists(layout.package) else os.path.abspath(sys.argv[0])
    command = [sys.executable, "-I", package, "run"]
    return command + (["--prefix", layout.prefix] if layout.prefix else [])
