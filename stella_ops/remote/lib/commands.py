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
    # The line is told by the name that it has where it stands behind the module's.
    named = dict(args, _raw_params=args["cmd"], cmd=None, argv=args.get("argv"), _uses_shell=use_shell)
    task.invocation = dict(named, expand_argument_vars=args.get("expand_argument_vars", True))
    shown = _words(task, use_shell)
    words = shown
    if not use_shell and task.args["expand_argument_vars"]:
        words = [os.path.expandvars(os.path.expanduser(word)) for word in shown]
    folder = _folder(task, shown)
    result = {"changed": False, "cmd": shown, "rc": 0, "stdout": "", "stderr": "", "start": None, "end": None}
    result["delta"] = None
    reason = _reason_not_to(args["creates"], args["removes"])
    if reason:
        path, why = reason
        word = "Would" if task.check_mode else "Did"
        msg = "{} not run command since '{}' {}".format(word, path, why)
        result.update(stdout="skipped, since {} {}".format(path, why), msg=msg)
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
        result.update(failed=True, msg="non-zero return code")
    return _with_lines(result)


_NOTHING = "one of the following is required: _raw_params, cmd, argv"


def _words(task, use_shell):
    line, argv = task.args["cmd"], task.args.get("argv")
    if line is not None and argv:
        task.fail("parameters are mutually exclusive: _raw_params|cmd|argv")
    if use_shell:
        if not (line or "").strip():
            task.fail(_NOTHING)
        return line
    if not argv:
        try:
            argv = shlex.split(line or "")
        except ValueError as error:
            task.fail("Task failed: Module failed: {}".format(error), "the words cannot be told apart: {}".format(line))
    if not argv or not argv[0]:
        task.fail(_NOTHING)
    return argv


def _folder(task, shown):
    """Go to ``chdir`` at once: ``creates`` and ``removes`` are meant relative to it."""
    folder = task.args["chdir"]
    if folder is None:
        return None
    folder = os.path.abspath(folder)
    try:
        os.chdir(folder)
    except OSError as error:
        said = "Unable to change directory before execution."
        nothing = dict(start=None, end=None, delta=None, stdout="", stderr="", **_NO_LINES)
        task.fail(said, "{}: {}".format(folder, error.strerror), rc=None, cmd=shown, **nothing)
    return folder


def _reason_not_to(creates, removes):
    if creates is None and removes is None:
        return None
    import glob

    if creates is not None and glob.glob(creates):
        return creates, "exists"
    if removes is not None and not glob.glob(removes):
        return removes, "does not exist"
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
        return process.run(words, stdin=stdin, cwd=folder, shell=use_shell, executable=executable, live=task.live)
    except (OSError, ValueError) as error:
        program = (executable or "/bin/sh") if use_shell else words[0]
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error)
        shown = "[Errno {}] {}: {!r}".format(number, reason, os.fsencode(program)) if number else reason
        said = words if use_shell else " ".join(map(shlex.quote, words))
        if use_shell and executable:
            said = "{} -c {}".format(executable, shlex.quote(words))
        return task.fail(
            "Error executing command.", shown, rc=number or 257, cmd=said, stdout="", stderr="", **_NO_LINES
        )


_NO_LINES = {"stdout_lines": [], "stderr_lines": []}


def _strip(data, really):
    return data.rstrip(b"\r\n") if really else data


def _with_lines(result):
    for name in ("stdout", "stderr"):
        text = result[name]
        if isinstance(text, bytes):
            text = result[name] = text.decode("utf-8", "replace")
        result[name + "_lines"] = text.splitlines()
    return result
