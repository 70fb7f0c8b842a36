"""How an agent changes its key: the new one is made beside the old, and key and certificate switch together.

    csr (fresh)        makes identity/coming/agent.key; the old key stays in use
    install-identity   puts the new chain beside it, then moves all of it into place (``finish``)
    forget-keys        removes the old key, which stood by until the agent was seen to run with the new

The chain in ``coming`` is the point of no return: from there on the change is completed, by whoever looks next
(the agent when it starts, or the next rpc), also after a crash in the middle of it.
"""

import contextlib
import fcntl
import os
import shutil

from stella_ops.remote.agent import storage


class Coming(object):
    """Where the parts of the coming identity are; the names are those of ``Layout``."""

    def __init__(self, layout):
        self.identity = layout.identity
        self.folder = layout.coming
        self.key = os.path.join(self.folder, "agent.key")
        self.public_key = os.path.join(self.folder, "agent.pub")
        self.ca = os.path.join(self.folder, "ca.crt")
        self.certificate = os.path.join(self.folder, "agent.crt")

    def make_folder(self):
        if not os.path.isdir(self.folder):
            os.mkdir(self.folder, 0o700)


def finish(layout):
    """Complete a change of keys that has passed the point of no return; whether there was one."""
    coming = Coming(layout)
    if not os.path.exists(coming.certificate):
        return False
    with _alone(layout):
        if os.path.exists(coming.key):
            with contextlib.suppress(OSError):
                os.unlink(layout.previous_key)
            with contextlib.suppress(OSError):
                os.link(layout.key, layout.previous_key)
        # The public half before the key, the certificate last: who sees one finds what belongs to it.
        for name in ("public_key", "key", "ca", "certificate"):
            with contextlib.suppress(FileNotFoundError):
                os.rename(getattr(coming, name), getattr(layout, name))
        shutil.rmtree(coming.folder, ignore_errors=True)
        storage.sync_folder(layout.identity)
    return True


def is_open(layout):
    """Whether a change of keys was begun and not forgotten yet."""
    return os.path.exists(layout.previous_key) or os.path.exists(layout.coming)


def forget(layout):
    """Remove the key that was replaced, and one that was made and never used; whether there was any."""
    finish(layout)
    found = is_open(layout)
    with _alone(layout):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(layout.previous_key)
        shutil.rmtree(layout.coming, ignore_errors=True)
    return found


@contextlib.contextmanager
def _alone(layout):
    """The lock that requests for a key take as well (``keys.Workshop``)."""
    lock = os.open(os.path.join(layout.identity, ".lock"), os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
