"""Pack files and folders of the host into an archive, or compress a single file."""

import bz2
import fnmatch
import glob
import gzip
import os
import shutil
import stat
import tarfile
import zipfile
import zlib

from stella_ops.remote.lib import atomic, files
from stella_ops.remote.lib.files import FILE_ATTRIBUTES

ARGUMENTS = {
    "path": {"type": "list", "elements": "path", "required": True, "doc": "What to pack: paths and globs."},
    "format": {
        "type": "str",
        "default": "gz",
        "choices": ["bz2", "gz", "tar", "xz", "zip"],
        "doc": "The archive's kind; gz, bz2 and xz are tar archives, or compressed single files.",
    },
    "dest": {"type": "path", "doc": "The archive; needed for several files."},
    "exclude_path": {"type": "list", "elements": "path", "default": [], "doc": "Paths and globs to leave out."},
    "exclusion_patterns": {"type": "list", "elements": "path", "doc": "Globs of names to leave out."},
    "force_archive": {"type": "bool", "default": False, "doc": "Make an archive of a single file, too."},
    "remove": {"type": "bool", "default": False, "doc": "Remove what was packed."},
    **FILE_ATTRIBUTES,
}


def run(task):
    """Return community.general's keys of ``archive``: archived, missing, arcroot, state, dest_state …"""
    job = Job(task)
    if not job.found:
        task.fail("Error, no source paths were found", **job.told("absent"))
    dest = task.args["dest"]
    if dest is None:
        if len(job.found) > 1 or len(task.args["path"]) > 1:
            paths = ", ".join(task.args["path"])
            task.fail('Error, must specify "dest" when archiving multiple files or trees', path=paths)
        single = job.found[0].rstrip("/")
        tail = task.args["format"]
        if job.is_archive and tail not in ("tar", "zip"):
            tail = "tar." + tail
        dest = "{}.{}".format(single, tail)
    if os.path.isdir(dest):
        task.fail("dest {} is a directory".format(dest), dest=dest)
    job.dest = os.path.abspath(dest)
    changed = job.pack()
    if changed is None:
        return job.told("absent")
    if task.args["remove"]:
        changed = job.remove() or changed
    if files.look(job.dest) is not None:
        changed = files.set_attributes(job.dest, files.wanted(task), task.check_mode) or changed
    if job.missing:
        state = "incomplete"
    else:
        state = "archive" if job.is_archive else "compress"
    result = job.told(state)
    result.update(files.describe(job.dest))
    result.update(changed=changed, dest=job.dest, dest_state=state, state=state)
    return result


class Job(object):
    """What is to be packed, and where."""

    def __init__(self, task):
        self.task = task
        args = task.args
        self.dest = ""
        self.missing = []
        self.expanded = []
        for path in args["path"]:
            matching = sorted(glob.glob(path)) if glob.has_magic(path) else [path] if os.path.lexists(path) else []
            self.expanded += matching
            if not matching:
                self.missing.append(path)
        self.excluded = set()
        for path in args["exclude_path"]:
            self.excluded.update(glob.glob(path) if glob.has_magic(path) else [path.rstrip("/")])
        self.found = [path for path in self.expanded if path.rstrip("/") not in self.excluded]
        single = len(self.found) == 1 and len(args["path"]) == 1 and not os.path.isdir(self.found[0])
        self.is_archive = args["force_archive"] or not single or args["format"] in ("tar", "zip")
        self.root = self._root()
        self.packed = []

    def _root(self):
        """The folder that names in the archive are relative to."""
        folders = [os.path.dirname(os.path.abspath(path.rstrip("/"))) for path in self.found]
        if len(self.found) == 1 and os.path.isdir(self.found[0]) and self.found[0].endswith("/"):
            folders = [os.path.abspath(self.found[0])]
        return os.path.join(os.path.commonpath(folders), "") if folders else ""

    def told(self, state):
        """The keys that every result has."""
        return {
            "changed": False,
            "state": state,
            "dest_state": state,
            "arcroot": self.root,
            "archived": self.packed,
            "missing": self.missing,
            "expanded_paths": self.expanded,
            "expanded_exclude_paths": sorted(self.excluded),
        }

    def members(self):
        """All that goes into the archive: (path, name there)."""
        for path in self.found:
            path = os.path.abspath(path)
            if not os.path.isdir(path) or os.path.islink(path):
                if self._is_wanted(path):
                    yield path, os.path.relpath(path, self.root)
                continue
            for folder, directories, others in os.walk(path):
                directories.sort()
                directories[:] = [name for name in directories if self._is_wanted(os.path.join(folder, name))]
                links = [name for name in directories if os.path.islink(os.path.join(folder, name))]
                if os.path.relpath(folder, self.root) != ".":
                    yield folder, os.path.relpath(folder, self.root)
                for name in sorted(others + links):
                    if self._is_wanted(os.path.join(folder, name)):
                        yield os.path.join(folder, name), os.path.relpath(os.path.join(folder, name), self.root)

    def _is_wanted(self, path):
        if path in self.excluded or path == self.dest:
            return False
        patterns = self.task.args["exclusion_patterns"] or []
        return not any(
            fnmatch.fnmatch(os.path.basename(path), each) or fnmatch.fnmatch(path, each) for each in patterns
        )

    def pack(self):
        """Write the archive unless there is the same; whether it changes."""
        old = self._fingerprint(self.dest)
        if self.task.check_mode:
            self.packed = [path for path, _ in self.members()] if self.is_archive else self.found
            return old is None or old != self._expected()
        with atomic.Replacement(self.dest, named=True, warn=self.task.warn) as new:
            try:
                self._write(new.temporary)
            except (OSError, ValueError, tarfile.TarError) as error:
                self.task.fail("Error when writing archive at {}: {}".format(self.dest, error))
            if old is not None and old == self._fingerprint(new.temporary):
                return False
            new.commit(in_place=self.task.args["unsafe_writes"])
        return True

    def _write(self, path):
        kind = self.task.args["format"]
        self.packed = []
        if not self.is_archive:
            with open(self.found[0], "rb") as source, _compressor(path, kind) as target:
                shutil.copyfileobj(source, target, files.CHUNK)
            self.packed = [self.found[0]]
        elif kind == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
                for member, name in self.members():
                    _into_zip(archive, member, name)
                    self.packed.append(member)
        else:
            with tarfile.open(path, "w:" + ("" if kind == "tar" else kind), format=tarfile.PAX_FORMAT) as archive:
                for member, name in self.members():
                    archive.add(member, name, recursive=False)
                    self.packed.append(member)

    def _fingerprint(self, path):
        """What tells archives apart; None when there is none that can be read."""
        kind = self.task.args["format"]
        try:
            if not self.is_archive:
                with _expander(path, kind) as source:
                    return _crc(source)
            if kind == "zip":
                with zipfile.ZipFile(path) as archive:
                    return {(each.filename, each.CRC, each.external_attr) for each in archive.infolist()}
            with tarfile.open(path) as archive:
                return {_header(each) for each in archive.getmembers()}
        except (OSError, ValueError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error):
            return None

    def _expected(self):
        """The fingerprint that the archive would have."""
        if not self.is_archive:
            with open(self.found[0], "rb") as source:
                return _crc(source)
        if self.task.args["format"] != "zip":
            scratch = tarfile.TarFile(fileobj=_Nowhere(), mode="w", format=tarfile.PAX_FORMAT)
            return {_header(scratch.gettarinfo(path, name)) for path, name in self.members()}
        return {_zip_entry(path, name) for path, name in self.members()}

    def remove(self):
        """Remove what was packed; whether there was anything."""
        if self.task.check_mode:
            return bool(self.found)
        for path in self.found:
            try:
                if os.path.isdir(path) and not os.path.islink(path):
                    if os.path.abspath(self.dest).startswith(os.path.abspath(path) + "/"):
                        self.task.fail("the archive is in {}, so that is not removed".format(path), dest=self.dest)
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
            except OSError as error:
                self.task.fail("Unable to remove source {}: {}".format(path, error.strerror), dest=self.dest)
        return bool(self.found)


class _Nowhere(object):
    """A file that is never written."""

    def tell(self):
        return 0

    def write(self, data):
        return len(data)


def _header(member):
    about = (member.name, member.mode & 0o7777, member.uid, member.gid, int(member.mtime), member.type, member.linkname)
    return about + (member.size,)


def _compressor(path, kind):
    if kind == "xz":
        import lzma

        return lzma.open(path, "wb")
    return bz2.open(path, "wb") if kind == "bz2" else gzip.open(path, "wb")


def _expander(path, kind):
    if kind == "xz":
        import lzma

        return lzma.open(path, "rb")
    return bz2.open(path, "rb") if kind == "bz2" else gzip.open(path, "rb")


def _crc(source):
    value = 0
    for chunk in iter(lambda: source.read(files.CHUNK), b""):
        value = zlib.crc32(chunk, value)
    return value & 0xFFFFFFFF


def _into_zip(archive, path, name):
    found = os.lstat(path)
    if not stat.S_ISLNK(found.st_mode):
        archive.write(path, name)
        return
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = found.st_mode << 16
    archive.writestr(entry, os.fsencode(os.readlink(path)))


def _zip_entry(path, name):
    found = os.lstat(path)
    bits = (found.st_mode & 0xFFFF) << 16
    if stat.S_ISDIR(found.st_mode):
        return name + "/", 0, bits | 0x10
    if stat.S_ISLNK(found.st_mode):
        return name, zlib.crc32(os.fsencode(os.readlink(path))) & 0xFFFFFFFF, bits
    with open(path, "rb") as source:
        return name, _crc(source), bits
