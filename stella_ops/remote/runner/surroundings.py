"""What a module finds around itself: put back after each task of a child that is kept for several."""

import _thread
import os
import resource
import time

from stella_ops.remote.runner import processes


class Guard(object):
    """Watches over the programs that a task starts by ``lib/process.py``, each in a session of its own.

    Args:
        line: the lifeline that is aimed at the program's group while it runs.
    """

    def __init__(self, line):
        self._line = line
        self.accounted = _children_account()

    def started(self, pid):
        self._line.arm(pid)

    def ended(self):
        self._line.disarm()
        self.accounted = _children_account()


class Surroundings(object):
    """As they are now, and as ``restore`` leaves them.

    Args:
        guard: knows of the programs that have been waited for in good order.
    """

    def __init__(self, guard):
        self._guard = guard
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        self._environment = dict(os.environ)
        self._ids = _ids()
        self._descriptors = len(processes.open_descriptors())

    def restore(self):
        """Put back folder, umask, environment and time zone; False where something is left that cannot be."""
        processes.go_home()
        os.umask(self._umask)
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        # Reads /etc/localtime anew, should a task have changed it.
        time.tzset()
        return not (
            self._has_had_children()
            or _thread._count()
            or _ids() != self._ids
            or len(processes.open_descriptors()) != self._descriptors
        )

    def _has_had_children(self):
        """Whether this process ever had a child that the guard does not know of, ended or not."""
        try:
            os.waitpid(-1, os.WNOHANG)
            return True
        except OSError:
            return _children_account() != self._guard.accounted


def _ids():
    ask = (os.getresuid, os.getresgid) if hasattr(os, "getresuid") else (os.geteuid, os.getegid)
    return [one() for one in ask] + os.getgroups()


def _children_account():
    """Grows with every child that is waited for: each has had page faults and switches."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_minflt, used.ru_nvcsw, used.ru_nivcsw
