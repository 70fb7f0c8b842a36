"""Put a file together from the fragments in a folder of the host."""

import codecs
import hashlib
import io
import os
import re

from stella_ops.remote.lib import atomic, difftext, files
from stella_ops.remote.lib.files import FILE_ATTRIBUTES

ARGUMENTS = {
    "src": {"type": "path", "required": True, "doc": "The folder with the fragments."},
    "dest": {"type": "path", "required": True, "doc": "The file to make of them."},
    "remote_src": {"type": "bool", "default": True, "doc": "The fragments are on the host, not on the controller."},
    "delimiter": {"type": "str", "doc": "Text between fragments."},
    "regexp": {"type": "str", "doc": "Take only fragments in whose names this finds something."},
    "ignore_hidden": {"type": "bool", "default": False, "doc": "Leave out fragments whose names begin with a dot."},
    "backup": {"type": "bool", "default": False, "doc": "Keep a copy of the old file beside it."},
    "validate": {"type": "str", "doc": "A command that has to accept the new file; %s stands for its path."},
    "decrypt": {"type": "bool", "default": True, "doc": "Decrypt fragments of the controller that a vault encrypted."},
    **FILE_ATTRIBUTES,
}


def run(task):
    """Return ansible-core's keys of ``assemble``: checksum, md5sum, msg, and what file modules tell."""
    args = task.args
    source, dest = args["src"], args["dest"]
    if not os.path.exists(source):
        task.fail("Source ({}) does not exist".format(source))
    if not os.path.isdir(source):
        task.fail("Source ({}) is not a directory".format(source))
    if os.path.isdir(dest):
        task.fail("{} is a directory, so no file can be written there".format(dest), dest=dest)
    pattern = None
    if args["regexp"] is not None:
        try:
            pattern = re.compile(args["regexp"])
        except re.error as error:
            task.fail('Invalid Regexp ({}) in "{}"'.format(error, args["regexp"]))
    try:
        new = put_together(source, args["delimiter"], pattern, args["ignore_hidden"])
    except OSError as error:
        task.fail("cannot read {}: {}".format(error.filename, error.strerror))
    except ValueError as error:
        task.fail("the delimiter makes no sense: {}".format(error))
    result = {"src": source, "dest": dest, "msg": "OK"}
    result["checksum"] = files.digest_of(io.BytesIO(new), "sha1")[0]
    try:
        result["md5sum"] = hashlib.md5(new).hexdigest()
    except ValueError:
        result["md5sum"] = None  # a host that is bound to FIPS 140
    old = read(task, dest)
    changed = new != old
    if changed:
        put(task, dest, old, new, result)
    if not (task.check_mode and old is None):
        changed = files.set_attributes(dest, files.wanted(task), task.check_mode) or changed
    result.update(files.describe(dest))
    result["changed"] = changed
    return result


def put_together(folder, delimiter, pattern, ignore_hidden):
    """The bytes of all fragments in a folder, in the order of their names.

    Args:
        delimiter: text that stands between fragments, in which backslashes mean what they mean in Python.
        pattern: a compiled expression that has to find something in a fragment's name; None for all.
        ignore_hidden: leave out names that begin with a dot.

    Raises:
        OSError: a fragment or the folder cannot be read.
        ValueError: the delimiter makes no sense.
    """
    between = None
    if delimiter:
        between = codecs.escape_decode(delimiter.encode("utf-8", "surrogateescape"))[0]  # type: ignore[attr-defined]
        if not between.endswith(b"\n"):
            between += b"\n"
    parts = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if (pattern is not None and not pattern.search(name)) or (ignore_hidden and name.startswith(".")):
            continue
        if not os.path.isfile(path):
            continue
        if parts:
            # A fragment that does not end its last line must not run into the next.
            if not parts[-1].endswith(b"\n"):
                parts.append(b"\n")
            if between:
                parts.append(between)
        with open(path, "rb") as source:
            parts.append(source.read())
    return b"".join(parts)


def read(task, path):
    """The bytes that the file has now; None when there is none."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        return task.fail("cannot read {}: {}".format(path, error.strerror))


def put(task, dest, old, new, result):
    """Put the new bytes in place, unless in check mode; adds to the result."""
    args = task.args
    if task.diff_mode:
        result["diff"] = difftext.of_content(old, new, dest, args["src"])
    if task.check_mode:
        return
    with atomic.Replacement(dest, named=bool(args["validate"]), warn=task.warn) as replacement:
        replacement.write(new)
        if args["validate"]:
            from stella_ops.remote.lib import validation

            replacement.flush()
            outcome = validation.check(task, args["validate"], replacement.temporary)
            result["validation"] = {"rc": outcome.rc, "stdout": outcome.stdout, "stderr": outcome.stderr}
        if args["backup"] and old is not None:
            result["backup_file"] = atomic.backup(dest)
        replacement.commit(in_place=args["unsafe_writes"])
