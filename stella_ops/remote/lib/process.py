"""Programs that modules start: run to their end, their whole output kept."""

import collections
import fcntl
import os
import select
import subprocess
import time

from stella_ops.remote.lib import task

Outcome = collections.namedtuple("Outcome", ["rc", "stdout", "stderr"])

# In a process that serves one task after another: what watches over the programs started here. ``starting()`` tells
# whether a program is to have a session of its own; then ``started(pid)`` is called once it runs, and ``ended()``
# when it is no more, or could not be started.
guard = task.guard

_READ = 65536
_F_GETPIPE_SZ = 1032  # fcntl(2); Python names it from 3.10 on


def run(argv, stdin=None, cwd=None, environment=None, shell=False, executable=None, live=None):
    """Run a program and wait for it.

    The program's end is what counts, not the end of its output: a daemon that it leaves behind with our pipes
    open does not hold us.

    Args:
        argv: list of words, or with ``shell`` one command line.
        stdin: bytes for its standard input; None for an empty one.
        cwd: folder to run in.
        environment: variables to add to ours.
        shell: True to have ``executable`` (default /bin/sh) interpret ``argv``.
        live: a task's ``live``, by which its output is told while it runs; None where nobody watches.

    Returns:
        ``Outcome``: rc (-N for signal N), stdout and stderr as bytes.

    Raises:
        OSError: it could not be started.
    """
    watcher = guard
    if watcher is None or not watcher.starting():
        return _run(argv, stdin, cwd, environment, shell, executable, live, None)
    try:
        return _run(argv, stdin, cwd, environment, shell, executable, live, watcher)
    finally:
        watcher.ended()


def _run(argv, stdin, cwd, environment, shell, executable, live, watcher):
    child = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=dict(os.environ, **environment) if environment else None,
        shell=shell,
        executable=executable,
        close_fds=True,
        start_new_session=watcher is not None,
    )
    if watcher is not None:
        watcher.started(child.pid)
    teller = None if live is None else _teller(live)
    out, err = _converse(child, stdin or b"", teller)
    if teller is not None:
        teller.finish()
    return Outcome(child.wait(), out, err)


def _teller(live):
    from stella_ops.remote.lib.live import Teller

    return Teller(*live)


def _converse(child, stdin, teller):
    outputs = {child.stdout.fileno(): [], child.stderr.fileno(): []}  # type: dict[int, list[bytes]]
    parts = list(outputs.values())
    open_fds = set(outputs)
    poller = select.poll()
    for fd in outputs:
        _set_nonblocking(fd)
        poller.register(fd, select.POLLIN)
    pending = memoryview(stdin)
    if child.stdin is not None:
        open_fds.add(child.stdin.fileno())
        _set_nonblocking(child.stdin.fileno())
        poller.register(child.stdin.fileno(), select.POLLOUT)
    patience = 5.0  # milliseconds between looks at a quiet child whose pipes are open
    try:
        while open_fds:
            events = poller.poll(patience)
            patience = 5.0 if events else min(patience * 1.5, 50.0)
            ended = child.poll() is not None  # asked before reading: what it wrote is then in the pipes
            for fd, _ in events:
                if fd in outputs:
                    more = _read_some(fd, outputs[fd])
                else:
                    pending = _feed(fd, pending)
                    more = bool(pending)
                if not more:
                    poller.unregister(fd)
                    open_fds.discard(fd)
                    if fd not in outputs:
                        child.stdin.close()
            if ended:
                for fd in open_fds.intersection(outputs):
                    _drain(fd, outputs[fd])
            if teller is not None:
                teller.look(*parts)
            if ended:
                break
    finally:
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    return b"".join(parts[0]), b"".join(parts[1])


def _read_some(fd, parts):
    """Take what there is now, up to a limit; False at the end of the stream."""
    try:
        data = os.read(fd, _READ)
    except BlockingIOError:
        return True
    parts.append(data)
    return bool(data)


def _drain(fd, parts):
    """Take what the pipe can hold at most: a daemon that goes on writing must not hold us."""
    try:
        left = fcntl.fcntl(fd, _F_GETPIPE_SZ)
    except OSError:
        left = 1048576
    while left > 0:
        try:
            data = os.read(fd, min(left, _READ))
        except BlockingIOError:
            return
        if not data:
            return
        parts.append(data)
        left -= len(data)


def _feed(fd, pending):
    try:
        return pending[os.write(fd, pending[:_READ]) :]
    except BlockingIOError:
        return pending
    except OSError:
        return memoryview(b"")  # it does not want to read all of it


def _set_nonblocking(fd):
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


def find(name, extra=("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")):
    """The path of a program, also where a plain user's PATH does not look; None when there is none."""
    for folder in os.environ.get("PATH", "").split(os.pathsep) + list(extra):
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def lacking(name):
    """What is said of a program that ``find`` does not find."""
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += [each for each in ("/sbin", "/usr/sbin", "/usr/local/sbin") if each not in folders]
    return 'Failed to find required executable "{}" in paths: {}'.format(name, os.pathsep.join(folders))


def duration(seconds):
    """A time span as ansible-core writes ``delta``: 0:00:01.500000, with "1 day, " or "2 days, " before it."""
    micros = max(0, round(seconds * 1000000))
    minutes, rest = divmod(micros // 1000000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = ".{:06d}".format(micros % 1000000) if micros % 1000000 else ""
    before = "{} day{}, ".format(days, "" if days == 1 else "s") if days else ""
    return "{}{}:{:02d}:{:02d}{}".format(before, hours, minutes, rest, fraction)


def local_time(seconds=None):
    """Local time as ansible-core writes ``start`` and ``end``: 2024-05-01 12:00:00.123456."""
    seconds = time.time() if seconds is None else seconds
    whole = int(seconds)
    fraction = int((seconds - whole) * 1000000)
    return "{}.{:06d}".format(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(whole)), fraction)
