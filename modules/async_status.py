"""Tell how a job is that a task with ``async`` and ``poll: 0`` has started, or forget it."""

import json
import os
import re

ARGUMENTS = {
    "jid": {"type": "str", "required": True, "doc": "the job, as ansible_job_id of the task's result"},
    "mode": {"type": "str", "default": "status", "choices": ["cleanup", "status"], "doc": "cleanup removes its file"},
    "_async_dir": {"type": "path"},
}


def run(task):
    """Return the job's own result with ``started``, ``finished``, ``ansible_job_id`` and ``results_file``.

    With mode ``cleanup``: ``erased``, the file that was removed.
    """
    jid = task.args["jid"]
    if not re.match(r"[A-Za-z0-9._-]+\Z", jid):
        task.fail("jid '%s' is not the name of a job" % jid)
    folder = os.path.expanduser(task.args["_async_dir"] or os.environ.get("ANSIBLE_ASYNC_DIR") or "~/.ansible_async")
    path = os.path.join(folder, jid)
    cleanup = task.args["mode"] == "cleanup"
    known = {"ansible_job_id": jid, "erased" if cleanup else "results_file": path}
    try:
        with open(path) as stream:
            text = stream.read()
    except (IOError, OSError):
        task.fail("could not find job", started=True, finished=True, stdout="", stderr="", **known)
    if cleanup:
        if not task.check_mode:
            os.unlink(path)
        return dict(known, started=False, finished=False, stdout="", stderr="")
    try:
        found = json.loads(text)
    except ValueError:
        return dict(known, started=True, finished=False)
    found.update(known)
    return found
