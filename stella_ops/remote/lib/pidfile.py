"""A pid file whose owner holds a lock: it tells who runs, and a killed owner leaves nothing stale.

The pid stands in ``<name>.pid``, written atomically; the lock (flock) is on ``<name>.pid.lock`` beside it, a
file that is never replaced. The kernel drops the lock with the process, so a pid that was handed to another
program since is never taken for ours.
"""

import errno
import fcntl
import os
import time


class AlreadyRunning(Exception):
    """Another process holds the lock; ``pid`` is its process id, 0 when not known yet."""

    def __init__(self, path, pid):
        Exception.__init__(self, "already running as process %d (%s)" % (pid, path))
        self.pid = pid


class PidFile(object):
    """The claim of one process to be the only one of its kind."""

    def __init__(self, path):
        self.path = path
        self._lock = None

    def acquire(self, wait=1.0):
        """Take the lock and write our pid.

        A look by ``holder`` takes a shared lock for an instant, so a refusal is tried again for ``wait``
        seconds before it counts.

        Raises:
            AlreadyRunning: the lock is held.
            OSError: the folder is not ours to write.
        """
        lock = os.open(self.path + ".lock", os.O_RDONLY | os.O_CREAT, 0o644)
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as problem:
                if problem.errno not in (errno.EWOULDBLOCK, errno.EAGAIN) or time.monotonic() >= deadline:
                    os.close(lock)
                    if problem.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
                        raise AlreadyRunning(self.path, _read(self.path) or 0)
                    raise
                time.sleep(0.05)
        self._lock = lock
        # Who has the lock is the only one to write it, so that what a killed process left here is written over.
        fresh = self.path + ".new"
        with open(fresh, "w") as stream:
            stream.write("%d\n" % os.getpid())
        os.chmod(fresh, 0o644)
        os.rename(fresh, self.path)

    def release(self):
        """Remove the pid, then let the lock go."""
        if self._lock is None:
            return
        try:
            os.unlink(self.path)
        except OSError:
            pass
        os.close(self._lock)
        self._lock = None


def holder(path):
    """The pid of who holds the pid file, 0 when it is not written yet, None when nobody does."""
    try:
        lock = os.open(path + ".lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            return _read(path) or 0
        return None
    finally:
        os.close(lock)
    return None


def wait_until_free(path, timeout):
    """Wait at most ``timeout`` seconds until nobody holds the pid file; whether that came to be."""
    deadline = time.monotonic() + timeout
    while holder(path) is not None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def _read(path):
    try:
        with open(path) as stream:
            return int(stream.read(32))
    except (OSError, ValueError):
        return None
