"""Long DATA frames on their way to a child."""

import _struct as struct
import fcntl
import os

from stella_ops.remote.runner.processes import READ_SIZE

HEADER = struct.Struct(">IBI")
# What pipes are asked to hold where content streams through them; by default it is a quarter of that.
PIPE_SIZE = 262144
F_SETPIPE_SZ = 1031


class Passage(object):
    """A long DATA frame on its way to a child, of which ``left`` bytes are still to be read from the input.

    Where the kernel can do it (and Python is 3.10 or newer), they go from pipe to pipe and never through here.
    """

    def __init__(self):
        self.child = None
        self.left = 0
        self.stuck = False
        self.splice = getattr(os, "splice", None)
        self.widened = False
        self.exact = False

    def begin(self, child, left):
        self.child = child
        self.left = left
        self.stuck = False
        if not self.widened:
            self.widened = True
            widen(0)
        if child is not None and child.content_fd is not None:
            widen(child.content_fd)

    def passed(self, count):
        self.left -= count
        if not self.left:
            self.child = None
            # Most often another frame like it follows: no more than its header is read here.
            self.exact = self.splice is not None

    def next_read(self):
        """How much to read of what is no rest of a long frame."""
        exact, self.exact = self.exact, False
        return HEADER.size if exact else READ_SIZE

    def is_stuck(self):
        """Whether the child must take some before more is read."""
        if self.child is None or self.child.content_fd is None:
            self.stuck = False
        return self.stuck


def widen(fd):
    """Let a pipe hold more; what is none, or may not, stays as it is."""
    try:
        fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        pass
