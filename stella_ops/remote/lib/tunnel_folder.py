"""The folder of an agent's tunnel: the socket that sshd makes there, and the note that says whose it is.

The folder lies in the agent's run folder, which belongs to the agent's user, and root works in it: so everything
goes by descriptors of folders, no link is followed, and what another user could have put there is not adopted.
"""

import errno
import json
import os
import socket
import stat
import struct

SOCKET = "orchestrator.sock"
NOTE = "holder.json"
_NOTE_LIMIT = 4096
_CONNECT_SECONDS = 3.0


class NotOurs(Exception):
    """Something is in the way that is not removed by itself; the text says what."""


class TunnelFolder(object):
    """An open descriptor of the tunnel's folder.

    Args:
        run: path of the agent's run folder, which must be there.
        name: of the folder in it.

    Raises:
        OSError: it is not there, or no folder of its own (a link).
    """

    def __init__(self, run, name="tunnel"):
        self.path = os.path.join(run, name)
        self._run = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name = name
        try:
            self._fd = self._open()
        except OSError:
            os.close(self._run)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        os.close(self._fd)
        os.close(self._run)

    def _open(self):
        return os.open(self._name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._run)

    @classmethod
    def make(cls, run, uid, gid, name="tunnel"):
        """The folder, made or made anew so that it belongs to ``uid`` and nobody else may write to it."""
        path = os.path.join(run, name)
        try:
            folder = cls(run, name)
        except OSError as problem:
            if problem.errno == errno.ENOENT:
                folder = None
            elif problem.errno in (errno.ENOTDIR, errno.ELOOP):
                raise NotOurs("%s is no folder" % path)
            else:
                raise
        if folder is not None:
            about = os.fstat(folder._fd)
            if about.st_uid == uid and not about.st_mode & 0o022:
                return folder
            # Somebody else's: a folder is not made safe by giving it to another owner.
            with folder:
                for entry in (SOCKET, NOTE):
                    folder.remove(entry)
            try:
                os.rmdir(path)
            except OSError as problem:
                if problem.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    raise NotOurs("%s belongs to another user and holds files that are not the tunnel's" % path)
                raise
        parent = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
        finally:
            os.close(parent)
        folder = cls(run, name)
        try:
            if os.geteuid() == 0:
                os.fchown(folder._fd, uid, gid)
            os.fchmod(folder._fd, 0o755)
            about = os.fstat(folder._fd)
            if about.st_uid != uid:
                raise NotOurs("%s cannot be made for the login user" % path)
        except BaseException:
            folder.__exit__()
            raise
        return folder

    # -- the socket

    def socket(self):
        """What stands in the socket's place, as ``os.stat`` tells; None where nothing does."""
        try:
            return os.stat(SOCKET, dir_fd=self._fd, follow_symlinks=False)
        except OSError as problem:
            if problem.errno != errno.ENOENT:
                raise
            return None

    def owner(self):
        """The uid of the folder's owner."""
        return os.fstat(self._fd).st_uid

    def listener(self):
        """(pid, uid) of the process that listens on the socket; None when nobody does. 0 for what is not known.

        Source: SO_PEERCRED in unix(7): who called listen(2).
        """
        about = self.socket()
        if about is None or not stat.S_ISSOCK(about.st_mode):
            return None
        near = "/proc/self/fd/%d/%s" % (self._fd, SOCKET)
        if not os.path.exists("/proc/self/fd"):
            near = os.path.join(self.path, SOCKET)
        tried = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        tried.settimeout(_CONNECT_SECONDS)
        try:
            try:
                tried.connect(near)
            except (ConnectionRefusedError, FileNotFoundError):
                return None
            except (socket.timeout, OSError):
                return 0, 0  # it is there, but busy, or not for us
            try:
                size = struct.calcsize("3i")
                pid, uid, _ = struct.unpack("3i", tried.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
            except (AttributeError, OSError):
                return 0, 0
            return pid, uid
        finally:
            tried.close()

    def give(self, login_uid, uid, gid):
        """Let a user connect to the socket that sshd has made; whether that changed anything.

        Raises:
            NotOurs: it is no socket that the login user has made.
        """
        about = self.socket()
        if about is None or not stat.S_ISSOCK(about.st_mode) or about.st_nlink != 1:
            raise NotOurs("%s is no socket of the tunnel's" % os.path.join(self.path, SOCKET))
        if self.owner() != login_uid or about.st_uid not in (login_uid, uid):
            raise NotOurs("%s was made by somebody else" % os.path.join(self.path, SOCKET))
        if about.st_uid == uid and stat.S_IMODE(about.st_mode) == 0o600:
            return False
        os.chown(SOCKET, uid, gid, dir_fd=self._fd, follow_symlinks=False)
        if stat.S_IMODE(about.st_mode) != 0o600:
            os.chmod(SOCKET, 0o600, dir_fd=self._fd)  # StreamLocalBindMask of sshd_config(5) says otherwise
        return True

    def remove(self, name):
        """Remove a file or socket in the folder, whatever it is; whether it was there."""
        try:
            os.unlink(name, dir_fd=self._fd)
        except OSError as problem:
            if problem.errno != errno.ENOENT:
                raise
            return False
        return True

    # -- the note

    def note(self):
        """What the tunnel's holder wrote of itself: a dict; empty where there is none."""
        try:
            fd = os.open(NOTE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd)
        except OSError:
            return {}
        with os.fdopen(fd, "rb") as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return {}
            try:
                found = json.loads(stream.read(_NOTE_LIMIT).decode("utf-8"))
            except (OSError, ValueError, RecursionError):
                return {}
        return found if isinstance(found, dict) else {}

    def write_note(self, note):
        """Say who holds the tunnel."""
        new = ".%s.new" % NOTE
        self.remove(new)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=self._fd)
        with os.fdopen(fd, "wb") as stream:
            stream.write(json.dumps(note, sort_keys=True).encode("ascii"))
        os.rename(new, NOTE, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def discard(self):
        """Remove the socket, the note, and the folder where nothing else is in it."""
        changed = self.remove(SOCKET)
        changed = self.remove(NOTE) or changed
        try:
            os.rmdir(self._name, dir_fd=self._run)
        except OSError:
            pass  # something else is in it, or it is somebody else's by now
        return changed
