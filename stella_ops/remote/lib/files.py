"""Owner, group and permission bits of files: looked up, compared, set, and described for results."""

import errno
import grp
import hashlib
import os
import pwd
import stat

from stella_ops.remote.lib import modes
from stella_ops.remote.lib.task import ModuleFailure

# What every module that writes a file takes: ``**FILE_ATTRIBUTES`` in its ARGUMENTS (``stella_ops/module_source.py``).
FILE_ATTRIBUTES = {
    "mode": {"type": "raw", "doc": "Permission bits, as text such as '0644' or 'u=rw,g=r'."},
    "owner": {"type": "str", "doc": "The user that the file is to belong to."},
    "group": {"type": "str", "doc": "The group that the file is to belong to."},
    "attributes": {"type": "str", "aliases": ["attr"], "doc": "Inode flags as for chattr, such as +i."},
    "seuser": {"type": "str", "doc": "The user of its SELinux context."},
    "serole": {"type": "str", "doc": "The role of its SELinux context."},
    "setype": {"type": "str", "doc": "The type of its SELinux context."},
    "selevel": {"type": "str", "doc": "The level of its SELinux context."},
    "unsafe_writes": {
        "type": "bool",
        "default": False,
        "doc": "Overwrite the file itself where it cannot be replaced.",
    },
}

CHUNK = 1048576


class FileError(ModuleFailure):
    """A file cannot be made as asked. Uncaught, it fails the module with its text."""


class FolderError(FileError):
    """A folder cannot be made.

    Attributes:
        folder: the first of those that are missing.
        said: the system's words.
    """

    def __init__(self, msg, folder, said):
        super().__init__(msg)
        self.folder = folder
        self.said = said


class Wanted(object):
    """The attributes that a file is to have; None leaves one as it is.

    Args:
        mode: as ``modes.resolve`` takes it.
        owner, group: a name, or a number as text or int.
        missing_ok: a name may be unknown (check mode: a task before this one would have made the user).
        flags: inode flags as ``inode.change`` takes them.
        context: parts of an SELinux context, as ``selinux.wanted`` gives them.
        path: of the file, where a failure may tell it.

    Raises:
        FileError: an unknown owner or group, or a mode that makes no sense.
    """

    def __init__(self, mode=None, owner=None, group=None, missing_ok=False, flags=None, context=None, path=None):
        self.told = {"path": path} if path else {}
        self.mode = mode
        self.flags = flags
        self.context = context
        self.unknown = False
        self.uid = self._number(owner, user_id, missing_ok)
        self.gid = self._number(group, group_id, missing_ok)
        self.bits(0, False)

    def _number(self, name, find, missing_ok):
        if name is None or name == "":
            return None
        try:
            return find(name)
        except FileError as error:
            if not missing_ok:
                error.result.update(self.told)
                raise
            self.unknown = True
            return None

    def bits(self, current, is_directory):
        """Permission bits for a file that has ``current`` now; None when the mode is to stay."""
        if self.mode is None or self.mode == "":
            return None
        try:
            return modes.resolve(self.mode, current, is_directory)
        except modes.ModeError as error:
            details = "bad symbolic permission for mode: {}".format(self.mode)
            raise FileError("mode must be in octal or symbolic form", str(error), details=details, **self.told)


def wanted(task, mode_argument="mode", mode=None):
    """The attributes that a task's arguments ask for; ``mode`` stands in for the argument, when it is given.

    Raises:
        FileError: as ``Wanted`` does.
    """
    args = task.args
    context = None
    path = args.get("path") or args.get("dest")
    if args.get("seuser") or args.get("serole") or args.get("setype") or args.get("selevel"):
        from stella_ops.remote.lib import selinux

        context = selinux.wanted(args)
    # Of a file that is there ansible-core wants to know whose it is to be, in check mode, too.
    missing_ok = task.check_mode and not (path and os.path.exists(path))
    mode = args[mode_argument] if mode is None else mode
    return Wanted(mode, args["owner"], args["group"], missing_ok, args.get("attributes"), context, path)


def system_words(error, path):
    """A refusal of the system in Python's words, which ansible-core passes on."""
    return "[Errno {}] {}: {!r}".format(error.errno, error.strerror, os.fsencode(path))


def user_id(name):
    """The uid of a user name, or of a number that no user needs to have. Raises FileError."""
    try:
        return pwd.getpwnam(str(name)).pw_uid
    except KeyError:
        if str(name).isdigit():
            return int(name)
    hint = "no user of this host is named '{}'".format(name)
    raise FileError("chown failed: failed to look up user {}".format(name), hint)


def group_id(name):
    """The gid of a group name, or of a number that no group needs to have. Raises FileError."""
    try:
        return grp.getgrnam(str(name)).gr_gid
    except KeyError:
        if str(name).isdigit():
            return int(name)
    hint = "no group of this host is named '{}'".format(name)
    raise FileError("chgrp failed: failed to look up group {}".format(name), hint)


def user_name(uid):
    """The name of a uid, or the number as text."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid):
    """The name of a gid, or the number as text."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def look(path, follow=False):
    """``os.stat_result`` of a path, or None when it does not exist.

    Raises:
        FileError: other trouble; the system's error is its cause.
    """
    try:
        return os.stat(path) if follow else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileError("cannot look at {}: {}".format(path, error.strerror), path=path) from error


def read_text(task, path, trouble="Failed to read {}: {}"):
    """A file's text; "" when there is none. Bytes that are no UTF-8 are kept as surrogates.

    Args:
        trouble: what the task fails with; the path and the reason come into it.
    """
    try:
        with open(path, "rb") as source:
            return source.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        return task.fail(trouble.format(path, error.strerror))


def state_of(path):
    """What is at a path: absent, link, directory, hard (a file with several names) or file."""
    found = look(path)
    if found is None:
        return "absent"
    if stat.S_ISLNK(found.st_mode):
        return "link"
    if stat.S_ISDIR(found.st_mode):
        return "directory"
    return "hard" if found.st_nlink > 1 else "file"


def describe(path):
    """The keys about a file that ansible-core's file modules return; only ``state`` when it is absent."""
    found = look(path)
    if found is None:
        return {"state": "absent"}
    return {
        "state": state_of(path),
        "mode": modes.show_told(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "owner": user_name(found.st_uid),
        "group": group_name(found.st_gid),
        "size": found.st_size,
    }


def set_attributes(path, wanted, check=False, before=None, after=None):
    """Give an existing file the attributes it should have; links themselves, never what they point to.

    Args:
        path: a file of any kind.
        wanted: a ``Wanted``.
        check: only say whether something would change.
        before, after: dicts that get the attributes that differ, for a diff.

    Returns:
        True when something changed or would change.

    Raises:
        FileError: the host refuses.
    """
    found = look(path)
    if found is None:
        if check:
            return True
        raise FileError("{} does not exist".format(path))
    before = {} if before is None else before
    after = {} if after is None else after
    changed = _set_owner(path, found, wanted, check, before, after)
    if changed and not check:
        found = os.lstat(path)  # a change of owner drops the set-id bits
    changed = _set_mode(path, found, wanted, check, before, after) or changed
    if wanted.context is not None:
        from stella_ops.remote.lib import selinux

        changed = selinux.apply(path, wanted.context, check, before, after) or changed
    if wanted.flags:
        from stella_ops.remote.lib import inode

        # Last, since a file that is made immutable takes no other change.
        changed = inode.change(path, wanted.flags, check, before, after) or changed
    return changed


def digest(path, *algorithms):
    """Hex digests of a file's content, read once. Raises OSError."""
    with open(path, "rb") as source:
        return digest_of(source, *algorithms)


def digest_of(source, *algorithms):
    """Hex digests of what a binary file object still holds."""
    hashes = [hashlib.new(name) for name in algorithms]
    for chunk in iter(lambda: source.read(CHUNK), b""):
        for each in hashes:
            each.update(chunk)
    return [each.hexdigest() for each in hashes]


def make_directories(path, check=False):
    """Make a directory and its missing parents.

    Returns:
        The directories that were (or would be) made, outermost first.

    Raises:
        FileError: something that is no directory is in the way, or the host refuses.
    """
    missing = []
    place = path.rstrip("/") or "/"
    while place and not os.path.exists(place):
        if os.path.islink(place):
            raise FileError("{} is a link to nothing, so no directory can be made there".format(place))
        missing.append(place)
        place = os.path.dirname(place)
    if place and not os.path.isdir(place):
        error = NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        raise FolderError("{} is not a directory".format(place), missing[-1], system_words(error, missing[-1]))
    missing.reverse()
    if check:
        return missing
    for directory in missing:
        try:
            os.mkdir(directory)
        except FileExistsError:
            if not os.path.isdir(directory):  # else someone else was quicker, which is as good
                raise FileError("{} is not a directory".format(directory))
        except OSError as error:
            said = system_words(error, directory)
            raise FolderError("cannot make directory {}".format(said), directory, said)
    return missing


def _set_owner(path, found, wanted, check, before, after):
    uid = -1 if wanted.uid is None or wanted.uid == found.st_uid else wanted.uid
    gid = -1 if wanted.gid is None or wanted.gid == found.st_gid else wanted.gid
    if uid == -1 and gid == -1:
        return wanted.unknown
    if uid != -1:
        before["owner"], after["owner"] = found.st_uid, uid
    if gid != -1:
        before["group"], after["group"] = found.st_gid, gid
    if not check:
        try:
            os.lchown(path, uid, gid)
        except OSError as error:
            names = " and ".join("{} {}".format(key, after[key]) for key in ("owner", "group") if key in after)
            hint = "{} cannot be given the {}: {}".format(path, names, error.strerror)
            raise FileError("chown failed" if uid != -1 else "chgrp failed", hint, path=path)
    return True


def _set_mode(path, found, wanted, check, before, after):
    if stat.S_ISLNK(found.st_mode):
        return False  # Linux has no modes for links
    current = stat.S_IMODE(found.st_mode)
    bits = wanted.bits(current, stat.S_ISDIR(found.st_mode))
    if bits is None or bits == current:
        return False
    before["mode"], after["mode"] = modes.show_told(current), modes.show_told(bits)
    if not check:
        try:
            _change_mode(path, found, bits)
        except OSError as error:
            raise FileError(
                "Task failed: Module failed: {}".format(system_words(error, path)),
                "the mode {} cannot be set".format(modes.show(bits)),
            )
        now = stat.S_IMODE(os.lstat(path).st_mode)
        if now != bits:
            # The kernel drops set-group-id silently for a group that we are not in.
            raise FileError("{} kept mode {} where {} was asked for".format(path, modes.show(now), modes.show(bits)))
    return True


def _change_mode(path, found, bits):
    """chmod(2) of the very file that was looked at.

    By its path alone it would follow a link, and whoever may write to the folder could put one to /etc/shadow
    there at the last moment.
    """
    if not hasattr(os, "O_PATH") or not os.path.isdir("/proc/self/fd"):
        os.chmod(path, bits)
        return
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not os.path.samestat(os.fstat(fd), found):
            raise FileError("{} was replaced by another file just now, and is left alone".format(path))
        os.chmod("/proc/self/fd/{}".format(fd), bits)
    finally:
        os.close(fd)
