"""The inode flags that lsattr(1) shows and chattr(1) sets, without those programs."""

import array
import fcntl
import os
import stat

from stella_ops.remote.lib.task import ModuleFailure

_GETFLAGS = 0x80086601  # FS_IOC_GETFLAGS and FS_IOC_GETVERSION of <linux/fs.h>, on 64 bits
_GETVERSION = 0x80087601
_SETFLAGS = 0x40086602
_GETFLAGS_32 = 0x80046601
_SETFLAGS_32 = 0x40046602
_GETVERSION_32 = 0x80047601

# Bit, letter of lsattr, and the word that ansible-core's stat gives it.
_FLAGS = (
    (0x00000001, "s", "secure_deletion"),
    (0x00000002, "u", "undeletable"),
    (0x00000008, "S", "synchronous"),
    (0x00010000, "D", "dirsync"),
    (0x00000010, "i", "immutable"),
    (0x00000020, "a", "append"),
    (0x00000040, "d", "nodump"),
    (0x00000080, "A", "noatime"),
    (0x00000004, "c", "compressed"),
    (0x00000800, "E", "encrypted"),
    (0x00004000, "j", "journalled"),
    (0x00001000, "I", "indexed"),
    (0x00008000, "t", "notail"),
    (0x00020000, "T", "topdir"),
    (0x00080000, "e", "extents"),
    (0x00800000, "C", "nocow"),
)

# All but those that the kernel or the filesystem keeps to itself: E, I and e.
_SETTABLE = 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040 | 0x00000080
_SETTABLE |= 0x00004000 | 0x00008000 | 0x00010000 | 0x00020000 | 0x00800000

NOTHING = {"attr_flags": "", "attributes": [], "version": None}  # type: dict[str, object]


def attributes(path):
    """``attr_flags`` (letters), ``attributes`` (words), ``version``: as ansible-core's stat returns them.

    Empty where the filesystem has no flags or the file cannot be opened.
    """
    try:
        # O_NOATIME would need ownership; O_NONBLOCK keeps odd files from holding us.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return dict(NOTHING)
    try:
        wide = array.array("L").itemsize == 8
        bits = _ask(fd, _GETFLAGS if wide else _GETFLAGS_32)
        version = _ask(fd, _GETVERSION if wide else _GETVERSION_32)
    finally:
        os.close(fd)
    if bits is None:
        return dict(NOTHING)
    set_flags = [(letter, word) for bit, letter, word in _FLAGS if bits & bit]
    return {
        "attr_flags": "".join(letter for letter, _ in set_flags),
        "attributes": [word for _, word in set_flags],
        "version": None if version is None else str(version),
    }


class FlagError(ModuleFailure):
    """Flags that do not exist, or that the filesystem refuses."""


def change(path, text, check, before, after):
    """Give a file inode flags, such as "+i", "-A" or "=Ad"; without a sign, "=" is meant, as with ansible-core.

    Args:
        check: only say whether something would change.
        before, after: dicts that get the letters when they differ, for a diff.

    Returns:
        Whether something changed or would.

    Raises:
        FlagError: an unknown letter, or the filesystem has no such flags.
    """
    sign, letters = (text[0], text[1:]) if text[0] in "+-=" else ("=", text)
    bits = 0
    for letter in letters:
        known = [bit for bit, name, _ in _FLAGS if name == letter]
        if not known:
            raise FlagError("attributes '{}': there is no flag '{}'; see chattr(1)".format(text, letter))
        bits |= known[0]
    wide = array.array("L").itemsize == 8
    found = os.lstat(path)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return False
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        now = _ask(fd, _GETFLAGS if wide else _GETFLAGS_32)
        if now is None:
            raise FlagError("attributes '{}': the filesystem of {} has no such flags".format(text, path))
        if sign == "=":
            new = now & ~_SETTABLE | bits
        else:
            new = now | bits if sign == "+" else now & ~bits
        if new == now:
            return False
        before["attributes"], after["attributes"] = _letters(now), _letters(new)
        if not check:
            try:
                fcntl.ioctl(fd, _SETFLAGS if wide else _SETFLAGS_32, array.array("L", [new]), True)
            except OSError as error:
                raise FlagError("cannot set the attributes '{}' of {}: {}".format(text, path, error.strerror))
    finally:
        os.close(fd)
    return True


def _letters(bits):
    return "".join(letter for bit, letter, _ in _FLAGS if bits & bit)


def _ask(fd, request):
    answer = array.array("L", [0])
    try:
        fcntl.ioctl(fd, request, answer, True)
    except OSError:
        return None
    return answer[0] & 0xFFFFFFFF
