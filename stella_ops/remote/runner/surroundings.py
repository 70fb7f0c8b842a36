"""What a module finds around itself: put back after each task of a child that is kept for several."""

import _signal as signal  # type: ignore[import-not-found]
import _thread
import gc
import os
import resource
import sys
import time

from stella_ops.remote.runner import processes

_SIGNALS = range(1, signal.NSIG)
_LIMITS = sorted({number for name, number in vars(resource).items() if name.startswith("RLIMIT_")})
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


class Guard(object):
    """Watches over the programs that a task starts by ``lib/process.py``, each in a session of its own.

    Args:
        lifeline: the one of this process's own group.
        line: the one that is aimed at the program's group while it runs.
    """

    def __init__(self, lifeline, line):
        self._lifeline = lifeline
        self._line = line
        # One program at a time; a second one, of another thread, stays in our own group.
        self._turn = _thread.allocate_lock()
        self._accounted = _children_account()
        self._strangers = False

    def starting(self):
        """A program is about to be started; whether it is to have a session of its own."""
        if not self._turn.acquire(False):
            self._strangers = True
            return False
        self._look_for_strangers()
        # Were we killed between its start and ``started``, nobody would kill it.
        self._lifeline.disarm()
        return True

    def started(self, pid):
        """It runs, and has not been waited for."""
        self._line.arm(pid)
        self._rearm()

    def ended(self):
        """It has been waited for, or has never been."""
        self._line.disarm()
        self._rearm()
        self._accounted = _children_account()
        self._turn.release()

    def has_strangers(self):
        """Whether this process ever had a child that was not started and waited for under our eyes."""
        try:
            os.waitpid(-1, os.WNOHANG)
            self._strangers = True
        except OSError:
            self._look_for_strangers()
        return self._strangers

    def _look_for_strangers(self):
        if _children_account() != self._accounted:
            self._strangers = True

    def _rearm(self):
        self._lifeline.set_async(True)
        if self._lifeline.cut():
            # Too late for the kernel to do it.
            group = self._line.aimed_at()
            for victims in ([group] if group else []) + [os.getpgrp()]:
                processes.signal_group(victims, signal.SIGKILL)


class Surroundings(object):
    """As they are now, and as ``restore`` leaves them.

    Args:
        guard: knows of the programs that have been waited for in good order.
    """

    def __init__(self, guard):
        self._guard = guard
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        self._environ = os.environ
        # What stands behind ``os.environ`` compares without decoding every variable anew.
        self._raw = _raw(os.environ)
        self._variables = dict(self._raw)
        self._descriptors = _descriptors()
        self._traits = _traits()

    def restore(self):
        """Put back folder, umask, environment and time zone; False where something is left that cannot be."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            if os.environ is not self._environ or _raw(os.environ) is not self._raw:
                return False
            if self._raw != self._variables:
                self._put_variables_back()
            processes.go_home()
            os.umask(self._umask)
            # Reads /etc/localtime anew, should a task have changed it.
            time.tzset()
            return not (
                self._guard.has_strangers()
                or _thread._count()
                or _descriptors() != self._descriptors
                or _traits() != self._traits
            )
        except Exception:
            # A closed standard output and the like.
            return False

    def _put_variables_back(self):
        encoded = getattr(os, "environb", self._environ)
        for name in [name for name in self._raw if name not in self._variables]:
            del encoded[name]
        for name, value in self._variables.items():
            encoded[name] = value


def _raw(environ):
    return vars(environ)["_data"]


def _descriptors():
    """All that is open, and what it is: a number may have been closed and taken again."""
    found = {}
    for fd in processes.open_descriptors():
        try:
            status = os.fstat(fd)
        except OSError:
            # The one by which they were listed.
            continue
        found[fd] = (status.st_dev, status.st_ino)
    return found


def _traits():
    """What else is cheap to ask, and a task may have changed: of the process, and of this Python."""
    ask = (os.getresuid, os.getresgid) if hasattr(os, "getresuid") else (os.geteuid, os.getegid)
    root = os.stat("/")
    sockets = sys.modules.get("_socket")
    return (
        [one() for one in ask],
        os.getgroups(),
        (root.st_dev, root.st_ino),
        os.getpriority(os.PRIO_PROCESS, 0),
        [resource.getrlimit(limit) for limit in _LIMITS],
        [signal.getsignal(number) for number in _SIGNALS],
        signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        [signal.getitimer(timer) for timer in _TIMERS],
        [sys.stdin, sys.stdout, sys.stderr],
        [list(sys.path), list(sys.meta_path), list(sys.path_hooks)],
        [sys.gettrace(), sys.getprofile(), sys.getrecursionlimit(), sys.getswitchinterval()],
        [gc.isenabled(), gc.get_threshold()],
        sockets.getdefaulttimeout() if sockets is not None else None,
        _locale(),
    )


def _locale():
    try:
        import _locale as settings

        return settings.setlocale(settings.LC_ALL)
    except (ImportError, ValueError):
        return None


def _children_account():
    """Grows with every child that is waited for: each has had page faults and switches."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_minflt, used.ru_nvcsw, used.ru_nivcsw
