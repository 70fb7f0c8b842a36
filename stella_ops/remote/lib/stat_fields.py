"""What stat(2) says of a file, under the names that ``stat`` and ``find`` return it by."""

import stat

from stella_ops.remote.lib import modes

_KINDS = (
    ("isdir", stat.S_ISDIR),
    ("ischr", stat.S_ISCHR),
    ("isblk", stat.S_ISBLK),
    ("isreg", stat.S_ISREG),
    ("isfifo", stat.S_ISFIFO),
    ("islnk", stat.S_ISLNK),
    ("issock", stat.S_ISSOCK),
)
_BITS = (
    ("wusr", stat.S_IWUSR),
    ("rusr", stat.S_IRUSR),
    ("xusr", stat.S_IXUSR),
    ("wgrp", stat.S_IWGRP),
    ("rgrp", stat.S_IRGRP),
    ("xgrp", stat.S_IXGRP),
    ("woth", stat.S_IWOTH),
    ("roth", stat.S_IROTH),
    ("xoth", stat.S_IXOTH),
    ("isuid", stat.S_ISUID),
    ("isgid", stat.S_ISGID),
)


def tell(found):
    """The fields of an ``os.stat_result``, its mode as four octal digits and bit by bit."""
    mode = found.st_mode
    told = {
        "mode": modes.show(mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "size": found.st_size,
        "inode": found.st_ino,
        "dev": found.st_dev,
        "nlink": found.st_nlink,
        "atime": found.st_atime,
        "mtime": found.st_mtime,
        "ctime": found.st_ctime,
    }
    told.update((name, test(mode)) for name, test in _KINDS)
    told.update((name, bool(mode & bit)) for name, bit in _BITS)
    return told
