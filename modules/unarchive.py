"""Unpack an archive: tar (also gz, bz2, xz, zstd) or zip."""

import contextlib
import os

from stella_ops.remote.lib import files, received, tar_archive
from stella_ops.remote.lib.files import FILE_ATTRIBUTES

ARGUMENTS = {
    "src": {"type": "path", "required": True, "doc": "The archive; with remote_src also a URL."},
    "dest": {"type": "path", "required": True, "doc": "The folder to unpack it in; it has to be there."},
    "remote_src": {"type": "bool", "default": False, "doc": "The archive is on the host, not on the controller."},
    "copy": {"type": "bool", "doc": "The opposite of remote_src, under its old name."},
    "creates": {"type": "path", "doc": "Do nothing when there is a file of this name."},
    "list_files": {"type": "bool", "default": False, "doc": "Return the names in the archive."},
    "include": {"type": "list", "elements": "str", "default": [], "doc": "Names to unpack, and no others."},
    "exclude": {"type": "list", "elements": "str", "default": [], "doc": "Names not to unpack."},
    "keep_newer": {"type": "bool", "default": False, "doc": "Leave files that are newer than those in the archive."},
    "extra_opts": {"type": "list", "elements": "str", "default": [], "doc": "Words for tar's command line."},
    "validate_certs": {"type": "bool", "default": True, "doc": "Check certificates when src is a URL."},
    "io_buffer_size": {"type": "int", "default": 65536, "doc": "Accepted, and of no effect here."},
    "decrypt": {"type": "bool", "default": True, "doc": "Decrypt an archive of the controller that a vault encrypted."},
    # From the controller: how the archive is streamed.
    "_content_stream": {"type": "dict"},
    **FILE_ATTRIBUTES,
}


def run(task):
    """Return ansible-core's keys of ``unarchive``: handler, extract_results, files, and what is told of dest."""
    args = task.args
    if args["include"] and args["exclude"]:
        task.fail("parameters are mutually exclusive: include|exclude")
    if args["copy"] is not None:
        args["remote_src"] = not args["copy"]
    if args["creates"] is not None and os.path.exists(args["creates"]):
        return {"changed": False, "skipped": True, "msg": "skipped, since {} exists".format(args["creates"])}
    if not os.path.isdir(args["dest"]):
        task.fail("dest '{}' must be an existing dir".format(args["dest"]))
    if not os.path.isabs(args["dest"]):
        written = args["dest"]
        args["dest"] = os.path.abspath(args["dest"])
        task.warn("Relative destination path '{}' was resolved to absolute path '{}'.".format(written, args["dest"]))
    if not args["remote_src"] and task.content is None:
        return dict(received.NEEDED)
    with source(task) as path:
        return unpack(task, path)


@contextlib.contextmanager
def source(task):
    """The archive as a file."""
    args = task.args
    if not args["remote_src"]:
        with received.as_file(task, "source") as path:
            yield path
    elif "://" in args["src"]:
        from stella_ops.remote.lib import web

        with web.download(task, args["src"]) as path:
            yield path
    else:
        path = os.path.abspath(args["src"])
        if not os.path.exists(path):
            task.fail("Source '{}' does not exist".format(args["src"]))
        if not os.path.isfile(path) or not os.access(path, os.R_OK):
            task.fail("Source '{}' not readable".format(args["src"]))
        yield path


def unpack(task, path):
    """Unpack the archive where it differs, and set the attributes of what it holds."""
    args = task.args
    with open(path, "rb") as stream:
        head = stream.read(8)
    if not head:
        task.fail("Invalid archive '{}', the file is 0 bytes".format(args["src"]))
    if head[:2] == b"PK":
        from stella_ops.remote.lib import zip_archive

        archive = zip_archive.ZipArchive(args, path)
    elif task.check_mode:
        msg = "remote module (ansible.legacy.unarchive) does not support check mode when using gtar"
        return {"changed": False, "skipped": True, "msg": msg}
    else:
        archive = tar_archive.TarArchive(args, path, head)
    names = archive.names()
    result = {"handler": archive.handler, "dest": args["dest"], "src": args["src"]}
    changed = archive.differs()
    if changed and not task.check_mode:
        result["extract_results"] = archive.extract()
        if result["extract_results"]["rc"] != 0:
            task.fail("failed to unpack {} to {}".format(args["src"], args["dest"]), **result)
    if not task.check_mode:
        changed = set_attributes(task, names) or changed
    if args["list_files"]:
        result["files"] = names
    result.update(files.describe(args["dest"]))
    result["changed"] = changed
    return result


def set_attributes(task, names):
    """The attributes of all that was in the archive, and of the folders at its top; True when one changes."""
    wanted = files.wanted(task)
    tops = sorted({name.split("/")[0] for name in names if "/" in name} - {"", "."})
    changed = False
    for name in names + tops:
        path = os.path.join(task.args["dest"], name.rstrip("/"))
        if files.look(path) is not None:
            changed = files.set_attributes(path, wanted) or changed
    return changed
