"""Run a script that the controller streams; the action ``script`` is who calls this."""

import os
import shlex

from stella_ops.remote.lib import process, received

ARGUMENTS = {
    # The script's base name, and the text that follows it in the task: a shell reads that.
    "_name": {"type": "str", "required": True},
    "_rest": {"type": "str", "default": ""},
    "creates": {"type": "path"},
    "removes": {"type": "path"},
    "chdir": {"type": "path"},
    "executable": {"type": "str"},
    "_content_stream": {"type": "dict"},
}


def run(task):
    """Return ansible-core's keys of ``script``: rc, stdout, stderr, and their lines."""
    args = task.args
    if args["creates"] and os.path.exists(args["creates"]):
        msg = "{} exists, matching creates option".format(args["creates"])
        return {"changed": False, "skipped": True, "msg": msg}
    if args["removes"] and not os.path.exists(args["removes"]):
        msg = "{} does not exist, matching removes option".format(args["removes"])
        return {"changed": False, "skipped": True, "msg": msg}
    if task.check_mode:
        if args["creates"] or args["removes"]:
            return {"changed": True}
        return {"changed": False, "skipped": True, "msg": "Check mode is not supported for this task."}
    if task.content is None:
        return dict(received.NEEDED)
    with received.as_file(task, args["_name"], 0o700) as path:
        line = shlex.quote(path) + args["_rest"]
        if args["executable"]:
            line = "{} {}".format(args["executable"], line)
        try:
            outcome = process.run(line, cwd=args["chdir"] or None, shell=True, live=task.live)
        except OSError as error:
            where = args["chdir"] or "/bin/sh"
            task.fail("cannot run the script: {}: {}".format(where, error.strerror), rc=error.errno or 2)
    result = {"changed": True, "rc": outcome.rc}
    for name, data in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
        text = data.decode("utf-8", "replace")
        result[name], result[name + "_lines"] = text, text.splitlines()
    if outcome.rc != 0:
        result.update(failed=True, msg="non-zero return code")
    return result
