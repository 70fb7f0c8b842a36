"""AnsibleModule and files that take each other's place; see ``basic``."""

import errno
import os
import shutil
import stat
import sys
import tempfile
import time

from stella_ops.remote.lib.module_utils.common.file import S_IRWU_RWG_RWO
from stella_ops.remote.lib.module_utils.common.text.converters import to_bytes, to_native

# Another file system, or a file that is mounted or run: there a copy may do.
_NOT_RENAMED = (errno.EPERM, errno.EXDEV, errno.EACCES, errno.ETXTBSY, errno.EBUSY)


class MovingMixin(object):
    """Backups and atomic moves."""

    def backup_local(self, fn):
        """Copy a file beside itself; the copy's path, or '' where there was no file."""
        if not os.path.exists(fn):
            return ""
        ends = time.strftime("%Y-%m-%d@%H:%M:%S~", time.localtime())
        backup = "{}.{}.{}".format(fn, os.getpid(), ends)
        if not self.check_mode:
            try:
                self.preserved_copy(fn, backup)
            except (shutil.Error, OSError) as problem:
                raise Exception("Could not make backup of {!r} to {!r}: {}".format(fn, backup, problem))
        return backup

    def cleanup(self, tmpfile):
        """Remove a file, if it is there."""
        if os.path.exists(tmpfile):
            try:
                os.unlink(tmpfile)
            except OSError as problem:
                sys.stderr.write("could not cleanup {}: {}".format(tmpfile, to_native(problem)))

    def preserved_copy(self, src, dest):
        """Copy a file with its owner, times, bits, context and flags."""
        shutil.copy2(src, dest)
        if self.selinux_enabled():
            self.set_context_if_different(dest, self.selinux_context(src), False)
        wanted, found = os.stat(src), os.stat(dest)
        if (wanted.st_uid, wanted.st_gid) != (found.st_uid, found.st_gid):
            try:
                os.chown(dest, wanted.st_uid, wanted.st_gid)
            except OSError as problem:
                if problem.errno != errno.EPERM:
                    raise
        flags = self.get_file_attributes(src, include_version=False).get("attr_flags", "")
        self.set_attributes_if_different(dest, flags, True)

    def atomic_move(self, src, dest, unsafe_writes=False, keep_dest_attrs=True):
        """Put a file in another's place, in one step as seen by others.

        Args:
            unsafe_writes: write into the other where it cannot be replaced.
            keep_dest_attrs: the other's owner, bits and context stay.

        Raises:
            Exception: it cannot be done; the text tells why.
        """
        source = to_bytes(src, errors="surrogate_or_strict")
        target = to_bytes(dest, errors="surrogate_or_strict")
        exists = os.path.exists(target)
        old = os.stat(target) if exists and keep_dest_attrs else None
        if old is not None:
            self._take_on(source, target, old)
        context = None
        if self.selinux_enabled():
            context = self.selinux_context(dest) if old is not None else self.selinux_default_context(dest)
        try:
            os.rename(source, target)
        except OSError as problem:
            if problem.errno not in _NOT_RENAMED:
                raise Exception("Could not replace {!r} with {!r}: {}".format(dest, src, to_native(problem)))
            self._move_by_copy(source, target, old, context, unsafe_writes)
        if not exists:
            self._as_new(target)
        if self.selinux_enabled():
            self.set_context_if_different(dest, context, False)

    def _take_on(self, source, target, old):
        try:
            os.chown(source, old.st_uid, old.st_gid)
            shutil.copystat(target, source)
            os.utime(source)
        except OSError as problem:
            if problem.errno != errno.EPERM:
                raise

    def _move_by_copy(self, source, target, old, context, unsafe_writes):
        folder, name = os.path.split(target)
        copy = None
        try:
            descriptor, copy = tempfile.mkstemp(prefix=b".ansible_tmp", dir=folder or b".", suffix=name)
            os.close(descriptor)
            (shutil.copy2 if old is None else shutil.copy)(source, copy)
            if context is not None:
                self.set_context_if_different(copy, context, False)
            if old is not None:
                try:
                    os.chmod(copy, stat.S_IMODE(old.st_mode))
                    os.chown(copy, old.st_uid, old.st_gid)
                except OSError as problem:
                    if problem.errno != errno.EPERM:
                        raise
            os.rename(copy, target)
            self.cleanup(source)
        except (shutil.Error, OSError) as problem:
            if not unsafe_writes:
                shown = to_native(target)
                if copy is None:
                    text = "The destination directory {!r} is not writable by the current user: {}"
                    raise Exception(text.format(to_native(folder), to_native(problem)))
                raise Exception("Failed to replace {!r} with {!r}: {}".format(shown, to_native(source), problem))
            self._unsafe_writes(source, target)
        finally:
            if copy is not None:
                self.cleanup(copy)

    def _unsafe_writes(self, src, dest):
        try:
            with open(dest, "wb") as target, open(src, "rb") as source:
                shutil.copyfileobj(source, target)
        except (shutil.Error, OSError) as problem:
            text = "Could not write data to file {!r} from {!r}: {}"
            raise Exception(text.format(to_native(dest), to_native(src), to_native(problem)))

    def _as_new(self, target):
        """Bits and group that a file has which a program makes at this place."""
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(target, S_IRWU_RWG_RWO & ~umask)
        folder = os.stat(os.path.dirname(target) or b".")
        try:
            os.chown(target, os.geteuid(), folder.st_gid if folder.st_mode & stat.S_ISGID else os.getegid())
        except OSError:
            # A folder's group that one is not a member of.
            pass
