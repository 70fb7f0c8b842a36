"""Read a part of a file for the action ``fetch``, which puts the parts together on the controller."""

import base64
import errno
import os
import stat

from stella_ops.remote.lib import files

ARGUMENTS = {
    "src": {"type": "path", "required": True},
    # SHA-1 (hex) of what the controller has already: the same is not sent again.
    "_have": {"type": "str"},
    "_start": {"type": "int", "default": 0},
}

# Bytes of a part; as base64 they go into one answer.
PART = 8 * 1024 * 1024


def run(task):
    """Return source (the path with ~ expanded), checksum (SHA-1), content (base64) and whether more follows.

    The checksum comes with the first part only.
    """
    source = task.args["src"]
    start = task.args["_start"]
    try:
        with open(source, "rb") as stream:
            if stat.S_ISDIR(os.fstat(stream.fileno()).st_mode):
                raise IsADirectoryError(errno.EISDIR, "it is a directory")
            result = {"changed": False, "source": source}
            if not start:
                result["checksum"] = files.digest_of(stream, "sha1")[0]
                if result["checksum"] == task.args["_have"]:
                    return result
            stream.seek(start)
            data = stream.read(PART)
            result["more"] = bool(stream.read(1))
    except OSError as error:
        kind = {errno.ENOENT: "missing", errno.ENOTDIR: "missing", errno.EISDIR: "directory"}.get(error.errno, "other")
        task.fail("cannot read {}: {}".format(source, error.strerror), kind=kind, source=source)
    result["content"] = base64.b64encode(data).decode("ascii")
    return result
