"""What ``command`` and ``shell`` share: when to run, how to run, and what to tell of it."""

import os
import shlex
import time

from stella_ops.remote.lib import process


def run_command(task, use_shell):
    """Run the command of a task and return ansible-core's result for it.

    A command that ends with a status other than 0 fails the task; ``creates`` and ``removes`` decide whether
    it runs at all. In check mode nothing runs, and without one of those two the task counts as skipped.
    """
    args = task.args
    words = _words(task, use_shell)
    folder = _folder(task)
    shown = words if not use_shell else words.strip()
    result = {"changed": False, "cmd": shown, "rc": 0, "stdout": "", "stderr": "", "start": None, "end": None}
    result["delta"] = None
    reason = _reason_not_to(args["creates"], args["removes"])
    if reason:
        result.update(stdout="skipped, since {}".format(reason), msg="Did not run command since {}".format(reason))
        return _with_lines(result)
    if task.check_mode:
        result["msg"] = "Command would have run if not in check mode"
        if args["creates"] is None and args["removes"] is None:
            result["skipped"] = True
        else:
            result["changed"] = True
        return _with_lines(result)
    started = time.time()
    outcome = _run(task, words, use_shell, folder)
    ended = time.time()
    result.update(
        changed=True,
        rc=outcome.rc,
        stdout=_strip(outcome.stdout, args["strip_empty_ends"]),
        stderr=_strip(outcome.stderr, args["strip_empty_ends"]),
        start=process.local_time(started),
        end=process.local_time(ended),
        delta=process.duration(ended - started),
        msg="",
    )
    if outcome.rc != 0:
        result.update(failed=True, msg=_failure(outcome.rc))
    return _with_lines(result)


def _words(task, use_shell):
    line, argv = task.args["cmd"], task.args.get("argv")
    if line is not None and argv:
        task.fail("only one of cmd and argv can be given", rc=256)
    if use_shell:
        if not (line or "").strip():
            task.fail("no command given", rc=256)
        return line
    if not argv:
        try:
            argv = shlex.split(line or "")
        except ValueError as error:
            task.fail("cannot split the command into words: {}".format(error), rc=256, cmd=line)
    if not argv or not argv[0]:
        task.fail("no command given", rc=256)
    if task.args["expand_argument_vars"]:
        argv = [os.path.expandvars(os.path.expanduser(word)) for word in argv]
    return argv


def _folder(task):
    """Go to ``chdir`` at once: ``creates`` and ``removes`` are meant relative to it."""
    folder = task.args["chdir"]
    if folder is None:
        return None
    folder = os.path.abspath(folder)
    try:
        os.chdir(folder)
    except OSError as error:
        if not task.check_mode:
            task.fail("cannot change to {}: {}".format(folder, error.strerror), rc=256)
        task.warn("cannot change to {}: {}".format(folder, error.strerror))
    return folder


def _reason_not_to(creates, removes):
    if creates is None and removes is None:
        return None
    import glob

    if creates is not None and glob.glob(creates):
        return "'{}' exists".format(creates)
    if removes is not None and not glob.glob(removes):
        return "'{}' does not exist".format(removes)
    return None


def _run(task, words, use_shell, folder):
    args = task.args
    stdin = args["stdin"]
    if stdin is not None:
        if isinstance(stdin, (list, dict)):
            task.fail("stdin must be text", rc=256)
        stdin = str(stdin).encode("utf-8", "surrogateescape") + (b"\n" if args["stdin_add_newline"] else b"")
    executable = args["executable"]
    if executable is not None and not use_shell:
        task.warn("command ignores 'executable'; use the shell module, or write it before the command")
        executable = None
    try:
        return process.run(words, stdin=stdin, cwd=folder, shell=use_shell, executable=executable)
    except (OSError, ValueError) as error:
        program = (executable or "/bin/sh") if use_shell else words[0]
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error)
        return task.fail("cannot run {}: {}".format(program, reason), rc=number or 2, cmd=words)


def _strip(data, really):
    return data.rstrip(b"\r\n") if really else data


def _failure(status):
    if status < 0:
        return "the command was ended by signal {}".format(-status)
    return "non-zero return code"


def _with_lines(result):
    for name in ("stdout", "stderr"):
        text = result[name]
        if isinstance(text, bytes):
            text = result[name] = text.decode("utf-8", "replace")
        result[name + "_lines"] = text.splitlines()
    return result
