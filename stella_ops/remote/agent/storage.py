"""The agent's files: written whole or not at all, and owned by whom their folder belongs to."""

import errno
import hashlib
import json
import os
import time


def write_atomic(path, data, mode=0o644):
    """Replace the file at ``path`` by the bytes ``data``; a reader sees the old or the new, never a part.

    Raises:
        OSError: the file cannot be written; the old one is untouched.
    """
    folder = os.path.dirname(path)
    fresh = "%s.%d.new" % (path, os.getpid())
    _forget_left_overs(path)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode & 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(fresh, path)
    except BaseException:
        _forget(fresh)
        raise
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


def make_directories(layout):
    """Make the folders of a layout that are missing and can be made."""
    for path, mode, _ in layout.directories():
        if not os.path.isdir(path):
            try:
                os.makedirs(path, exist_ok=True)
                os.chmod(path, mode)
            except OSError:
                pass  # what needs the folder says so, with its own name


def _forget_left_overs(path):
    """Remove what a process left that was killed while it wrote this very file: it may hold a key."""
    folder, name = os.path.split(path)
    for other in os.listdir(folder):
        if other.startswith(name + ".") and other.endswith(".new"):
            pid = other[len(name) + 1 : -len(".new")]
            if pid.isdigit() and (int(pid) == os.getpid() or not _is_alive(int(pid))):
                _forget(os.path.join(folder, other))


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except OSError as problem:
        return problem.errno != errno.ESRCH
    return True


def _forget(path):
    try:
        os.unlink(path)
    except OSError:
        pass
