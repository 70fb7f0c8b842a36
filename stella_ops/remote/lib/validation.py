"""The argument ``validate``: a command that has to accept a new file before it is in place."""

import os
import shlex

from stella_ops.remote.lib import process


def check(task, command, path, details=False):
    """Run the command with ``path`` for its ``%s``; returns its ``process.Outcome``.

    Fails the task when it cannot run, or ends with a status other than 0.

    Args:
        details: tell the failed command's status and output as keys of the result, as ``copy`` does.
    """
    if "%s" not in command:
        task.fail("validate must contain %s: {}".format(command))
    try:
        words = shlex.split(command)
    except ValueError as error:
        task.fail("cannot split validate into words: {}: {}".format(error, command))
    words = [os.path.expandvars(os.path.expanduser(word)).replace("%s", path) for word in words]
    try:
        outcome = process.run(words)
    except OSError as error:
        hint = "validate cannot run {}: {}".format(words[0], error.strerror)
        task.fail("Error executing command.", hint, rc=error.errno, cmd=" ".join(words), stdout="", stderr="")
    if outcome.rc != 0:
        said = outcome.stderr.decode("utf-8", "replace")
        if details:
            more = {"exit_status": outcome.rc, "stdout": outcome.stdout, "stderr": outcome.stderr}
            task.fail("failed to validate", "it ended with status {}: {}".format(outcome.rc, said.strip()), **more)
        task.fail("failed to validate: rc:{} error:{}".format(outcome.rc, said))
    return outcome
