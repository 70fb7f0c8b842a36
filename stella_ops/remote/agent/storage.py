"""The agent's files: written whole or not at all, and owned by whom their folder belongs to.

A new file is written beside the old one as ``NAME.RANDOM.new``, under a lock (flock) that lasts until it is in place.
One without a lock is what a killed writer left. A pid in its name would not tell: that may be another program's by
now, and a killed process has it until its parent, in many a container a careless init, takes note of the end.
"""

import binascii
import errno
import fcntl
import hashlib
import json
import os
import re
import time

_UNFINISHED = re.compile(r"\.[0-9a-f]+\.new\Z")


def write_atomic(path, data, mode=0o644):
    """Replace the file at ``path`` by the bytes ``data``; a reader sees the old or the new, never a part.

    Raises:
        OSError: the file cannot be written; the old one is untouched.
    """
    folder = os.path.dirname(path)
    forget_left_overs(folder)
    fresh = "%s.%s.new" % (path, binascii.hexlify(os.urandom(6)).decode("ascii"))
    descriptor = _begin(fresh, mode & 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
        os.rename(fresh, path)
    except BaseException:
        _forget(fresh)
        raise
    finally:
        os.close(descriptor)
    sync_folder(folder)


def sync_folder(folder):
    """Make renames within a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network and overlay file systems cannot
    finally:
        os.close(descriptor)


def read_bytes(path):
    """The bytes of a file, or None when there is none."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as problem:
        if problem.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise


def read_json(path):
    """The JSON object in a file; None when there is no file, or when it holds something else."""
    try:
        data = read_bytes(path)
        document = json.loads(data.decode("utf-8")) if data else None
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def write_json(path, document):
    """Write a JSON document atomically."""
    write_atomic(path, (json.dumps(document, sort_keys=True) + "\n").encode("ascii"))


def sha256(data):
    """The hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def iso(seconds=None):
    """A time as ISO 8601 in UTC, whole seconds: ``2030-01-31T12:00:00Z``; now when not given."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def prepare_folders(layout):
    """Make the folders of a layout that are missing and can be made, and clear them of what killed writers left."""
    for path, mode, _ in layout.directories():
        if not os.path.isdir(path):
            try:
                os.makedirs(path, exist_ok=True)
                os.chmod(path, mode)
            except OSError:
                pass  # what needs the folder says so, with its own name
    for path in (layout.etc, layout.identity, layout.state):
        forget_left_overs(path)


def forget_left_overs(folder):
    """Remove what writers left in a folder that were killed before they were through: there may be a key in it."""
    try:
        names = os.listdir(folder)
    except OSError:
        return  # who writes there says so
    for name in names:
        if _UNFINISHED.search(name):
            _forget_unless_in_use(os.path.join(folder, name))


def _begin(fresh, mode):
    """Make a file that ``forget_left_overs`` leaves alone for as long as its descriptor, the result, is open."""
    while True:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            return descriptor  # some network file systems have no locks; there nothing is taken for left over
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # it was taken for left over just before it had its lock


def _forget_unless_in_use(path):
    try:
        # For writing: NFS gives no exclusive lock without.
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return  # it is in place by now, or another user's
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The name may lead to another file since. With the lock on what it leads to, that is over.
        if os.path.samestat(os.lstat(path), os.fstat(descriptor)):
            os.unlink(path)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _forget(path):
    try:
        os.unlink(path)
    except OSError:
        pass
