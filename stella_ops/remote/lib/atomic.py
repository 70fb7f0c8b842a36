"""Replace a file's content in one step: a reader sees the old file or the new one, never a part.

The new file is written without a name where the kernel can do that (O_TMPFILE), so that even a killed process
leaves nothing behind; else under a name that begins with ``.stella-``. It gets the old one's owner, bits and
extended attributes before it takes its place.
"""

import binascii
import errno
import os
import stat
import time

from stella_ops.remote.lib import files, modes

PREFIX = ".stella-"
# Bytes after which the disk is told to begin.
_WRITE_BACK = 4194304
# Attributes that belong to the old content, or that only the kernel may write.
_NOT_CARRIED = ("security.capability", "security.ima", "security.evm")


class Replacement(object):
    """A new content for ``path``, on its way.

        with Replacement("/etc/motd") as new:
            new.write(b"hello\\n")
            new.commit(wanted)

    Leaving the block without ``commit`` discards it. Every trouble is a ``files.FileError`` in plain words.

    Args:
        path: the file to replace or make; a link here is itself replaced (resolve it first to follow it).
        named: True when the new content must have a path before it is in place (``temporary``), as a
            validating command needs.
        warn: called with one sentence when something of the old file could not be kept.
        part: descriptor and path of a file beside it that is written further, from where the descriptor stands;
            None for a new one. It is removed with the block unless ``keep`` is set.
    """

    def __init__(self, path, named=False, warn=None, part=None):
        self.path = path
        self.directory = os.path.dirname(path) or "."
        self.temporary = None
        self.size = 0
        self.keep = False
        self._begun = 0
        self._named = named
        self._part = part
        self._warn = warn if warn is not None else _ignore
        self._fd = -1

    def __enter__(self):
        if self._part is not None:
            self._fd, self.temporary = self._part
            self.size = os.lseek(self._fd, 0, os.SEEK_CUR)
            return self
        if not os.path.isdir(self.directory):
            raise files.FileError("directory {} does not exist".format(self.directory))
        try:
            if not self._named:
                self._fd = _open_unnamed(self.directory)
            if self._fd == -1:
                self._fd, self.temporary = _make_named(self.directory)
        except OSError as error:
            raise self._error(error)
        return self

    def __exit__(self, kind, error, trace):
        if self._fd != -1:
            os.close(self._fd)
            self._fd = -1
        if self.temporary is not None and not self.keep:
            try:
                os.unlink(self.temporary)
            except OSError:
                pass
            self.temporary = None

    def write(self, data):
        """Append bytes."""
        view = memoryview(data)
        try:
            while view:
                count = os.write(self._fd, view)
                self.size += count
                view = view[count:]
            if self.size - self._begun >= _WRITE_BACK:
                self._write_back()
        except OSError as error:
            raise self._error(error)

    def _write_back(self):
        """Have the disk begin with what was written so far, so that little is left to wait for in the end."""
        if hasattr(os, "posix_fadvise"):
            # Linux begins to write such pages, and keeps those that are not written yet: posix_fadvise(2).
            os.posix_fadvise(self._fd, self._begun, self.size - self._begun, os.POSIX_FADV_DONTNEED)
        self._begun = self.size

    def flush(self):
        """Push the bytes to the disk; a full one that shows late shows here."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some filesystems have nothing to sync
                raise self._error(error)

    def commit(self, wanted=None, in_place=False):
        """Put the new file where the old one is.

        Args:
            wanted: ``files.Wanted``; what it leaves open is taken from the old file, or from the umask.
            in_place: True to overwrite the file itself where the system does not let it be replaced (a file
                that is a mount point, as in containers). That is not atomic.
        """
        self.flush()
        old = files.look(self.path)
        if old is not None and stat.S_ISDIR(old.st_mode):
            raise files.FileError("{} is a directory".format(self.path))
        try:
            self._dress(old, wanted)
            if self.temporary is None:
                self.temporary = _give_name(self._fd, self.directory)
            elif not os.path.samestat(os.lstat(self.temporary), os.fstat(self._fd)):
                # In a folder of everybody's, the name may lead somewhere else by now.
                raise files.FileError("{} was replaced while it was written".format(self.temporary))
            os.rename(self.temporary, self.path)
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ETXTBSY, errno.EXDEV) or old is None:
                raise self._error(error)
            if not in_place:
                raise files.FileError(
                    "{} cannot be replaced in one step ({}); 'unsafe_writes: true' would overwrite it in place".format(
                        self.path, error.strerror
                    )
                )
            self._overwrite()
            if wanted is not None:
                files.set_attributes(self.path, wanted)
            return
        self.temporary = None
        _sync_directory(self.directory)
        if wanted is not None and (wanted.flags or wanted.context):
            files.set_attributes(self.path, wanted)

    def _dress(self, old, wanted):
        """Owner first: a change of owner drops set-id bits. The mode last: it also sets the ACL's mask."""
        if old is not None and not stat.S_ISREG(old.st_mode):
            old = None  # a link's or socket's own attributes mean nothing for a file
        current = stat.S_IMODE(old.st_mode) if old is not None else 0o666 & ~modes.current_umask()
        if old is not None:
            current = self._take_owner(old, current)
            self._take_extended(self.path)
        if wanted is not None:
            if wanted.uid is not None or wanted.gid is not None:
                self._own(wanted)
            bits = wanted.bits(current, False)
            current = current if bits is None else bits
        os.fchmod(self._fd, current)

    def _own(self, wanted):
        uid = -1 if wanted.uid is None else wanted.uid
        gid = -1 if wanted.gid is None else wanted.gid
        now = os.fstat(self._fd)
        if uid in (-1, now.st_uid) and gid in (-1, now.st_gid):
            return
        try:
            os.fchown(self._fd, uid, gid)
        except OSError as error:
            names = []
            if uid != -1:
                names.append("owner " + files.user_name(uid))
            if gid != -1:
                names.append("group " + files.group_name(gid))
            text = "cannot give {} the {}: {}".format(self.path, " and ".join(names), error.strerror)
            raise files.FileError(text)

    def _take_owner(self, old, bits):
        """Owner and group of the old file; returns the bits that are right for what could be kept."""
        now = os.fstat(self._fd)
        for uid, gid, what, set_id in (
            (-1, old.st_gid, "group " + files.group_name(old.st_gid), stat.S_ISGID),
            (old.st_uid, -1, "owner " + files.user_name(old.st_uid), stat.S_ISUID),
        ):
            if uid in (-1, now.st_uid) and gid in (-1, now.st_gid):
                continue
            try:
                os.fchown(self._fd, uid, gid)
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.EINVAL):
                    raise
                bits &= ~set_id  # or the program would run as somebody else than before
                self._warn("{} could not keep the {}: {}".format(self.path, what, error.strerror))
        return bits

    def _take_extended(self, path):
        try:
            names = os.listxattr(path)
        except OSError:
            return
        for name in names:
            if name in _NOT_CARRIED:
                continue
            try:
                value = os.getxattr(path, name)
                try:
                    if os.getxattr(self._fd, name) == value:
                        continue
                except OSError:
                    pass
                os.setxattr(self._fd, name, value)
            except OSError as error:
                if error.errno not in (errno.ENODATA, errno.ENOTSUP):
                    self._warn("{} could not keep {}: {}".format(self.path, name, error.strerror))

    def _overwrite(self):
        try:
            with open(self.path, "r+b") as target:
                os.lseek(self._fd, 0, os.SEEK_SET)
                for chunk in iter(lambda: os.read(self._fd, files.CHUNK), b""):
                    target.write(chunk)
                target.truncate()
                target.flush()
                os.fsync(target.fileno())
        except OSError as error:
            raise self._error(error)

    def _error(self, error):
        text = "cannot write {}: {}".format(self.path, error.strerror)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            text = "cannot write {}: {}, after {} bytes".format(self.path, error.strerror, self.size)
            try:
                room = os.statvfs(self.directory)
                text += " ({} bytes and {} inodes are free below {})".format(
                    room.f_bavail * room.f_frsize, room.f_favail, self.directory
                )
            except OSError:
                pass
        elif error.errno == errno.EACCES:
            words = "Task failed: Module failed: The destination directory '{}' is not writable by the current user: {}"
            return files.FileError(words.format(self.directory, files.system_words(error, self.path)), text)
        return files.FileError(text)


def backup(path):
    """Copy a file beside itself, with owner, bits and times; returns the copy's path. Raises FileError."""
    import shutil  # it takes longer to load than most modules run

    stamp = time.strftime("%Y-%m-%d@%H:%M:%S~", time.localtime())
    copy = "{}.{}.{}".format(path, os.getpid(), stamp)
    number = 0
    while os.path.lexists(copy):  # another one within a second
        number += 1
        copy = "{}.{}-{}.{}".format(path, os.getpid(), number, stamp)
    found = os.stat(path)
    made = False
    try:
        with open(path, "rb") as source:
            fd = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            made = True
            with os.fdopen(fd, "wb") as target:
                for chunk in iter(lambda: source.read(files.CHUNK), b""):
                    target.write(chunk)
        try:
            os.chown(copy, found.st_uid, found.st_gid)
        except OSError:
            pass  # without root the copy is ours; copystat then keeps it as private as the file was
        shutil.copystat(path, copy)
    except OSError as error:
        if made:
            os.unlink(copy)
        raise files.FileError("cannot back up {}: {}".format(path, error.strerror))
    return copy


def _open_unnamed(directory):
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):
        return -1
    try:
        return os.open(directory, flag | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        # EISDIR and ENOENT come from kernels, EOPNOTSUPP from filesystems, that do not know the flag.
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
            return -1
        raise


def _make_named(directory):
    """A new file that nobody else can open: descriptor and path."""
    for _ in range(100):
        path = os.path.join(directory, PREFIX + binascii.hexlify(os.urandom(6)).decode("ascii"))
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), path
        except FileExistsError:
            continue
    raise OSError(errno.EEXIST, "no free temporary name")


def _give_name(fd, directory):
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for _ in range(100):
            name = PREFIX + binascii.hexlify(os.urandom(6)).decode("ascii")
            try:
                # With a directory's descriptor Python uses linkat(AT_SYMLINK_FOLLOW): open(2), O_TMPFILE.
                os.link("/proc/self/fd/{}".format(fd), name, dst_dir_fd=folder, follow_symlinks=True)
            except FileExistsError:
                continue
            return os.path.join(directory, name)
    finally:
        os.close(folder)
    raise OSError(errno.EEXIST, "no free temporary name")


def _sync_directory(directory):
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # a folder that can be written but not read
    try:
        os.fsync(fd)
    except OSError:
        pass
    finally:
        os.close(fd)


def _ignore(message):
    pass
