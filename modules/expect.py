"""Run a command on a terminal, and answer what it asks.

ansible-core's module needs pexpect on the host; this one needs Python alone.
"""

import os
import shlex
import time

from stella_ops.remote.lib import process, questions

ARGUMENTS = {
    "command": {"type": "str", "required": True, "doc": "the command; no shell reads it"},
    "responses": {
        "type": "dict",
        "untold": True,
        "required": True,
        "doc": "answers by the regular expression of their questions; of a list, one after the other is taken",
    },
    "chdir": {"type": "path", "doc": "folder to run it in"},
    "creates": {"type": "path", "doc": "a file that, when it is there, makes this step needless"},
    "removes": {"type": "path", "doc": "a file that, when it is not there, makes this step needless"},
    "timeout": {"type": "raw", "default": 30, "doc": "seconds to wait for a question or the end; null for ever"},
    "echo": {"type": "bool", "default": False, "doc": "show the answers in what the command prints"},
}


def run(task):
    """Return cmd, rc, stdout, start, end and delta."""
    args = task.args
    command = args["command"]
    if task.check_mode:
        return {"changed": False, "skipped": True, "msg": "remote module (expect) does not support check mode"}
    try:
        timeout = None if args["timeout"] in (None, "null") else int(args["timeout"])
        words = shlex.split(command)
        asked = [(key.encode("utf-8"), replies(task, key, value)) for key, value in args["responses"].items()]
    except (TypeError, ValueError) as error:
        return task.fail("cannot use what was given: {}".format(error))
    if not words:
        task.fail("no command given", rc=256)
    if args["chdir"]:
        try:
            os.chdir(os.path.abspath(args["chdir"]))
        except OSError as error:
            task.fail("cannot change to {}: {}".format(args["chdir"], error.strerror), rc=256)
    for name, there, why in (("creates", True, "exists"), ("removes", False, "does not exist")):
        if args[name] and os.path.exists(args[name]) == there:
            told = "skipped, since {} {}".format(args[name], why)
            return {"changed": False, "cmd": command, "stdout": told, "stdout_lines": [told], "rc": 0}
    begun = time.time()
    try:
        said = questions.converse(words, asked, timeout, args["echo"])
    except questions.NoAnswer as problem:
        return task.fail("No remaining responses for '{}', output was '{}'".format(problem.question, problem.output))
    except questions.NotAPattern as problem:
        return task.fail("responses: {}".format(problem))
    except OSError as error:
        message = "The command was not found or was not executable: {}.".format(words[0])
        return task.fail(message, hint="{}: {}".format(words[0], error.strerror))
    ended = time.time()
    text = said.stdout.decode("utf-8", "surrogateescape").rstrip("\r\n")
    result = {"cmd": command, "stdout": text, "stdout_lines": text.splitlines(), "rc": said.rc, "changed": True}
    result.update(start=process.local_time(begun), end=process.local_time(ended))
    result["delta"] = process.duration(ended - begun)
    if said.rc is None:
        task.fail("command exceeded timeout", **result)
    if said.rc != 0:
        task.fail("non-zero return code", **result)
    return result


def replies(task, question, value):
    """The answers to a question, without an end where it is one text."""
    if isinstance(value, list):
        return iter([line(each) for each in value])
    if isinstance(value, dict):
        task.fail("responses: the answer to '{}' is neither text nor a list".format(question))
    return iter(lambda: line(value), None)


def line(value):
    """An answer as it is typed."""
    return str(value).rstrip("\n").encode("utf-8", "surrogateescape") + b"\n"
