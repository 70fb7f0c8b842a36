"""The inode flags that lsattr(1) shows, asked of the kernel without that program."""

import array
import fcntl
import os

_GETFLAGS = 0x80086601  # FS_IOC_GETFLAGS and FS_IOC_GETVERSION of <linux/fs.h>, on 64 bits
_GETVERSION = 0x80087601
_GETFLAGS_32 = 0x80046601
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


def _ask(fd, request):
    answer = array.array("L", [0])
    try:
        fcntl.ioctl(fd, request, answer, True)
    except OSError:
        return None
    return answer[0] & 0xFFFFFFFF
