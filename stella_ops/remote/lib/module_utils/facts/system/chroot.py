"""Whether this is a changed root."""

import os


def is_chroot(module=None):
    """True in a chroot(2), None where that cannot be told."""
    if os.environ.get("debian_chroot"):
        return True
    mine = os.stat("/")
    try:
        first = os.stat("/proc/1/root/.")
    except OSError:
        return mine.st_ino != 2
    return (mine.st_ino, mine.st_dev) != (first.st_ino, first.st_dev)
