"""Modules that go on after their task has been answered: ``async`` with ``poll: 0``.

A job is a process of its own session, which outlives the connection. What became of it stands in a file, one for each
job, in a folder of the user's: ansible-core's own (``~/.ansible_async``), so that ``async_status`` finds it.
"""

import os

from stella_ops.remote.runner import plainjson, processes


def start(job, run):
    """Start a job; what is known of it at once.

    Args:
        job: ``id``, a word; ``limit`` in seconds, 0 for none; ``folder`` or None.
        run: does the work and returns the module's result.
    """
    folder = os.path.expanduser(job.get("folder") or "~/.ansible_async")
    if not os.path.isdir(folder):
        os.makedirs(folder, 0o700)
    path = os.path.join(folder, job["id"])
    known = {"ansible_job_id": job["id"], "started": True, "finished": False}
    _write(path, known)
    middle = os.fork()
    if middle == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                _work(path, known, job.get("limit") or 0, run)
        finally:
            os._exit(0)
    os.waitpid(middle, 0)
    return dict(known, results_file=path, changed=True)


def _work(path, known, limit, run):
    """The job itself. Never returns."""
    import signal

    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for descriptor in processes.open_descriptors():
        if descriptor > 2:
            try:
                os.close(descriptor)
            except OSError:
                pass

    def too_late(_number, _frame):
        text = "Timeout exceeded: the job did not end within %d seconds" % limit
        _write(path, dict(known, finished=True, failed=True, changed=False, msg=text))
        os.killpg(os.getpgrp(), signal.SIGKILL)

    if limit:
        signal.signal(signal.SIGALRM, too_late)
        signal.alarm(int(limit))
    try:
        result = run()
    except BaseException:
        result = {"failed": True, "changed": False, "msg": "the job failed: %s" % processes.trace()[-2000:]}
    signal.alarm(0)
    _write(path, dict(result, **dict(known, finished=True)))
    os._exit(0)


def _write(path, document):
    fresh = "%s.%d.new" % (path, os.getpid())
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        processes.write_all(descriptor, plainjson.dumps(document))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(fresh, path)
