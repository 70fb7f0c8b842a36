"""What modules need whose work must not be done twice at a time, nor be left half done."""

import contextlib
import fcntl
import os
import signal
import threading
import time

_POLL_SECONDS = 0.05


@contextlib.contextmanager
def alone(task, folder, busy, seconds):
    """Keep other runs out: two controllers, or two inventory names, may lead to one place.

    The lock is on an existing folder and leaves no file.

    Args:
        busy: what is said when the lock is not free within ``seconds``.
    """
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # not ours to read: then what is there is not ours to change either, which is told later
        yield
        return
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    task.fail(busy, hint="wait for it, then run again")
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def termination_raises():
    """Have SIGTERM (the connection was cut) end the work by an exception, so that it is undone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number, _frame):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit("terminated")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
