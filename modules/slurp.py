"""Give back a file of the host, its bytes in base64."""

import base64
import errno

ARGUMENTS = {"src": {"type": "path", "required": True, "aliases": ["path"], "doc": "The file to read."}}

# Base64 of this is what an answer of a module can hold (stella_ops/remote/runner/child.py).
LIMIT = 48 * 1024 * 1024


def run(task):
    """Return ansible-core's keys of ``slurp``: content, encoding, source."""
    source = task.args["src"]
    try:
        with open(source, "rb") as stream:
            data = stream.read(LIMIT + 1)
    except OSError as error:
        words = {
            errno.ENOENT: "File not found: {}",
            errno.EACCES: "File is not readable: {}",
            errno.EISDIR: "Source is a directory and must be a file: {}",
        }
        message = words.get(error.errno, "Unable to slurp file: {}").format(source)
        task.fail(message if error.errno in words else "{}: {}".format(message, error.strerror))
    if len(data) > LIMIT:
        task.fail("{} is larger than {} MiB, which is too much for slurp; use fetch".format(source, LIMIT >> 20))
    return {"changed": False, "content": base64.b64encode(data).decode("ascii"), "source": source, "encoding": "base64"}
