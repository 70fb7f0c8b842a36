"""Make a temporary file or folder that nobody else can open."""

# The library's module has this one's name.
import importlib
import os

from stella_ops.remote.lib import files

ARGUMENTS = {
    "state": {"type": "str", "default": "file", "choices": ["file", "directory"], "doc": "What to make."},
    "path": {"type": "path", "doc": "The folder to make it in; the system's for temporary files when not given."},
    "prefix": {"type": "str", "default": "ansible.", "doc": "How its name begins."},
    "suffix": {"type": "str", "default": "", "doc": "How its name ends."},
}
SUPPORTS_CHECK = False


def run(task):
    """Return ansible-core's keys of ``tempfile``: path; and what file modules tell."""
    args = task.args
    for name in ("prefix", "suffix"):
        value = args[name]
        if value and value != os.path.basename(value):
            task.fail("{} must be a valid file name component, got {!r}".format(name, value))
    tempfile = importlib.import_module("tempfile")
    try:
        if args["state"] == "file":
            handle, path = tempfile.mkstemp(prefix=args["prefix"], suffix=args["suffix"], dir=args["path"])
            os.close(handle)
        else:
            path = tempfile.mkdtemp(prefix=args["prefix"], suffix=args["suffix"], dir=args["path"])
    except (OSError, ValueError) as error:
        task.fail(str(error))
    return dict(files.describe(path), changed=True, path=path)
