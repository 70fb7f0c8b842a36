"""Zip archives for ``unarchive``: only what differs is unpacked, and nothing outside the folder."""

import fnmatch
import os
import stat
import time
import zipfile
import zlib

from stella_ops.remote.lib import files, modes
from stella_ops.remote.lib.task import ModuleFailure

_UNIX = 3
_CHUNK = 1048576
# Longer targets are no links of anybody's.
_LINK_LIMIT = 4096


class ZipArchive(object):
    """One archive and what a task says of it; see ``tar_archive.TarArchive``."""

    handler = "ZipArchive"

    def __init__(self, args, path):
        if args["extra_opts"]:
            raise ModuleFailure("extra_opts are for tar archives; {} is a zip archive".format(path))
        self._args = args
        self._root = os.path.realpath(args["dest"])
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise ModuleFailure('Failed to find handler for "{}": {}'.format(path, error))
        self._members = [each for each in self._archive.infolist() if self._is_wanted(each.filename)]
        for each in self._members:
            name = each.filename
            if name.startswith("/") or ".." in name.split("/") or "\0" in name:
                raise ModuleFailure("the archive has the name '{}', which leads out of the folder".format(name))
        self._umask = modes.current_umask()

    def _is_wanted(self, name):
        if self._args["include"]:
            return any(fnmatch.fnmatch(name, pattern) for pattern in self._args["include"])
        return not any(fnmatch.fnmatch(name, pattern) for pattern in self._args["exclude"])

    def names(self):
        """The names of what is to be unpacked."""
        if not self._members:
            raise ModuleFailure("the archive holds nothing that is to be unpacked")
        return [each.filename for each in self._members]

    def differs(self):
        """Whether what is there is other than the archive."""
        return any(self._is_other(each) for each in self._members)

    def _is_other(self, member):
        found = files.look(os.path.join(self._root, member.filename.rstrip("/")))
        if found is None:
            return True
        kind = stat.S_IFMT(self._bits(member)) or (stat.S_IFDIR if member.filename.endswith("/") else stat.S_IFREG)
        if stat.S_IFMT(found.st_mode) != kind:
            return True
        if kind == stat.S_IFLNK:
            return os.fsencode(os.readlink(os.path.join(self._root, member.filename))) != self._archive.read(member)
        if self._args["mode"] is None and stat.S_IMODE(found.st_mode) != stat.S_IMODE(self._bits(member)):
            return True
        if kind == stat.S_IFDIR:
            return False
        moment = _moment(member)
        if self._args["keep_newer"] and found.st_mtime > moment:
            return False
        if int(found.st_mtime) != moment or found.st_size != member.file_size:
            return True
        return _crc(os.path.join(self._root, member.filename)) != member.CRC

    def _bits(self, member):
        """Kind and permission bits of a member; those of archives from elsewhere are made up."""
        bits = member.external_attr >> 16
        if member.create_system == _UNIX and bits:
            return bits
        if member.filename.endswith("/"):
            return stat.S_IFDIR | 0o777 & ~self._umask
        return stat.S_IFREG | 0o666 & ~self._umask

    def extract(self):
        """Unpack what differs; returns ansible-core's ``extract_results``."""
        folders, links = [], []
        try:
            for member in self._members:
                if not self._is_other(member):
                    continue
                kind = stat.S_IFMT(self._bits(member))
                if member.filename.endswith("/"):
                    folders.append(member)
                    files.make_directories(self._inside(member))
                elif kind == stat.S_IFLNK:
                    links.append(member)
                else:
                    self._write(member)
            # Last, so that nothing is written through a link of the archive's own.
            for member in links:
                self._link(member)
            for member in reversed(folders):
                os.chmod(self._inside(member), stat.S_IMODE(self._bits(member)))
        except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            return {"cmd": [], "rc": 1, "out": "", "err": str(error)}
        return {"cmd": [], "rc": 0, "out": "", "err": ""}

    def _inside(self, member):
        """The path to write, its folder made; raises ModuleFailure when a link leads elsewhere."""
        path = os.path.join(self._root, member.filename.rstrip("/"))
        files.make_directories(os.path.dirname(path))
        if (os.path.realpath(os.path.dirname(path)) + "/").startswith(self._root.rstrip("/") + "/"):
            return path
        raise ModuleFailure("'{}' would be written outside {}: a link leads there".format(member.filename, self._root))

    def _write(self, member):
        path = self._inside(member)
        fresh = path + ".stella-new"
        if os.path.isdir(path) and not os.path.islink(path):
            raise OSError("{} is a directory, and a file in the archive".format(path))
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as target, self._archive.open(member) as source:
                for chunk in iter(lambda: source.read(_CHUNK), b""):
                    target.write(chunk)
            os.chmod(fresh, stat.S_IMODE(self._bits(member)))
            os.utime(fresh, (_moment(member), _moment(member)))
            os.rename(fresh, path)
        except BaseException:
            if os.path.lexists(fresh):
                os.unlink(fresh)
            raise

    def _link(self, member):
        if member.file_size > _LINK_LIMIT:
            raise OSError("the link '{}' is too long".format(member.filename))
        path = self._inside(member)
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(os.fsdecode(self._archive.read(member)), path)


def _moment(member):
    """A member's time, in seconds since the epoch; zip archives tell local time."""
    try:
        return int(time.mktime(member.date_time + (0, 0, -1)))
    except (ValueError, OverflowError):
        return 0


def _crc(path):
    value = 0
    with open(path, "rb") as source:
        for chunk in iter(lambda: source.read(_CHUNK), b""):
            value = zlib.crc32(chunk, value)
    return value & 0xFFFFFFFF
