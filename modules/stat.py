"""Tell all that is known of a file."""

import errno
import os

from stella_ops.remote.lib import files, inode, stat_fields

ARGUMENTS = {
    "path": {"type": "path", "required": True, "aliases": ["dest", "name"]},
    "follow": {"type": "bool", "default": False},
    "get_checksum": {"type": "bool", "default": True},
    "checksum_algorithm": {
        "type": "str",
        "default": "sha1",
        "choices": ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
        "aliases": ["checksum", "checksum_algo"],
    },
    "get_mime": {"type": "bool", "default": True, "aliases": ["mime", "mime_type", "mime-type"]},
    "get_attributes": {"type": "bool", "default": True, "aliases": ["attr", "attributes"]},
}


def run(task):
    """Return ``stat`` with ansible-core's keys; ``exists: false`` alone when there is no such file."""
    path = task.args["path"]
    try:
        found = files.look(path, follow=task.args["follow"])
    except files.FileError as error:
        return task.fail(error.__cause__.strerror, str(error))
    if found is None:
        if is_below_a_file(path):
            task.fail(os.strerror(errno.ENOTDIR))
        return {"changed": False, "stat": {"exists": False}}
    told = {"exists": True, "path": path}
    told.update(stat_fields.tell(found))
    told.update(blocks=found.st_blocks, block_size=found.st_blksize, device_type=found.st_rdev)
    # A number without a name has none here.
    for key, name in (("pw_name", files.user_name(found.st_uid)), ("gr_name", files.group_name(found.st_gid))):
        if not name.isdigit():
            told[key] = name
    told.update(
        readable=os.access(path, os.R_OK),
        writeable=os.access(path, os.W_OK),
        executable=os.access(path, os.X_OK),
    )
    if told["islnk"]:
        told["lnk_source"] = os.path.realpath(path)
        told["lnk_target"] = os.readlink(path)
    if told["isreg"] and told["readable"] and task.args["get_checksum"]:
        told["checksum"] = checksum(task, path)
    if task.args["get_mime"]:
        told.update(mime(path))
    if task.args["get_attributes"]:
        told.update(
            inode.NOTHING if os.path.islink(path) or not (told["isreg"] or told["isdir"]) else inode.attributes(path)
        )
    return {"changed": False, "stat": told}


def checksum(task, path):
    """The file's digest; a clear failure where the host's crypto policy forbids the algorithm."""
    try:
        return files.digest(path, task.args["checksum_algorithm"])[0]
    except (OSError, ValueError) as error:
        return task.fail("no {} checksum of {}: {}".format(task.args["checksum_algorithm"], path, error))


def is_below_a_file(path):
    """Whether a path that leads nowhere has a file where a folder should be."""
    try:
        os.lstat(path)
    except NotADirectoryError:
        return True
    except OSError:
        pass
    return False


def mime(path):
    """``mimetype`` and ``charset`` by file(1), where the host has it; "unknown" elsewhere. A link's are its own."""
    from stella_ops.remote.lib import process

    unknown = {"mimetype": "unknown", "charset": "unknown"}
    program = process.find("file")
    if program is None:
        return unknown
    words = [program, "--brief", "--mime-type", "--mime-encoding"]
    try:
        outcome = process.run(words + ["--", path])
    except OSError:
        return unknown
    parts = outcome.stdout.decode("utf-8", "replace").strip().split("; charset=")
    if outcome.rc != 0 or len(parts) != 2:
        return unknown
    return {"mimetype": parts[0], "charset": parts[1]}
