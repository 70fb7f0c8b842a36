"""Make a temporary file or folder that nobody else can open."""

# The library's module has this one's name.
import importlib
import os

ARGUMENTS = {
    "state": {"type": "str", "default": "file", "choices": ["directory", "file"], "doc": "What to make."},
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
    found = os.lstat(path)
    return {
        "changed": True,
        "path": path,
        "state": args["state"],
        "mode": "{:04o}".format(found.st_mode & 0o7777),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "size": found.st_size,
    }
