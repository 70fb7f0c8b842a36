"""What has arrived of a large file whose transfer was cut, kept beside the file for the next attempt.

There is one name for each file, so that what is left over from another content is found, and removed, by whoever
writes that file next. The folder may be one that everybody can write to: a file under that name is used only if it
is a regular one, ours, closed to others and under no second name; and only one process has it at a time.
"""

import errno
import fcntl
import hashlib
import os
import stat
import time

from stella_ops.remote.lib import files, incoming

# Smaller content is sent again from its start.
LEAST = 8388608
_PREFIX = ".stella-partial-"
# The process of the attempt that was cut may have to be killed before it lets go.
_LOCK_SECONDS = 4.0


def path_for(dest):
    """Where the part of a file is kept."""
    folder, name = os.path.split(dest)
    # Not the name itself, which may be as long as names can be.
    tag = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return os.path.join(folder or ".", _PREFIX + tag)


def reopen(dest, size=0):
    """The descriptor of a part that is there, locked; None when there is none that can be used.

    Args:
        size: it is cut to this length; a shorter one is of no use.
    """
    try:
        # Non-blocking: somebody may have put a pipe there.
        fd = os.open(path_for(dest), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    if _is_ours(fd) and _lock(fd, _LOCK_SECONDS) and _is_in_place(fd, dest) and os.fstat(fd).st_size >= size:
        if size:
            os.ftruncate(fd, size)
        return fd
    os.close(fd)
    return None


def create(dest):
    """The descriptor of a new part, locked; None where none can be made, or another process is at it."""
    discard(dest)
    try:
        fd = os.open(path_for(dest), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return None
    except OSError as error:
        raise files.FileError("cannot write {}: {}".format(dest, error.strerror))
    _lock(fd, 0)
    return fd


def discard(dest):
    """Remove the part of a file, unless another process is writing it."""
    path = path_for(dest)
    if files.look(path) is None:
        return
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        fd = -1
        if error.errno not in (errno.ELOOP, errno.EACCES, errno.ENXIO):
            return
    try:
        if fd == -1 or not _is_ours(fd) or _lock(fd, 0):
            os.unlink(path)
    except OSError:
        pass  # another user's, in a folder where everybody keeps what is his
    finally:
        if fd != -1:
            os.close(fd)


def told(dest, size):
    """What to tell the controller of a part: its size and SHA-256; None where there is none of use."""
    fd = reopen(dest)
    if fd is None:
        return None
    try:
        found = os.fstat(fd).st_size
        if not 0 < found <= size:
            return None
        digest = hashlib.sha256()
        for piece in read(fd, found):
            digest.update(piece)
        return {"size": found, "sha256": digest.hexdigest()}
    except OSError:
        return None
    finally:
        os.close(fd)


def read(fd, size):
    """Buffers with a file's first bytes; fewer when it is shorter. Each is to be used before the next is asked for."""
    room = memoryview(bytearray(incoming.PIECE))
    os.lseek(fd, 0, os.SEEK_SET)
    while size > 0:
        count = os.readv(fd, [room[: min(size, len(room))]])
        if not count:
            return
        size -= count
        yield room[:count]


def _is_ours(fd):
    found = os.fstat(fd)
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_uid == os.geteuid()
        and found.st_nlink == 1
        and not stat.S_IMODE(found.st_mode) & 0o077
    )


def _is_in_place(fd, dest):
    """Whether the name still leads to the file, once it is locked: another process may have been done with it."""
    found = files.look(path_for(dest))
    return found is not None and os.path.samestat(found, os.fstat(fd))


def _lock(fd, patience):
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
