"""Modules that others wrote for ansible-core, run as they are.

Such a module is a program of its own, in a process of its own: what it prints is its answer. Those in Python that
import ``ansible.module_utils`` are run from memory; their imports are answered with ``module_utils`` here, and with
what lies in the user's own ``module_utils/``. All others are written to a private folder and started with the path of
a file with their arguments, as ansible-core's documentation says ("Non-native modules").
"""

import json
import os
import select
import sys

from stella_ops.remote.lib import respawning
from stella_ops.remote.lib.foreign_imports import UtilsFinder
from stella_ops.remote.lib.task import jsonable

PYTHON, WANT_JSON, KEY_VALUE, BINARY, JSON_ARGS = "python", "want_json", "key_value", "binary", "json_args"

_JSON_ARGS_MARK = b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"
_READ = 65536
# How much of what it prints is kept.
_LIMIT = 67108864


def run(code, utils, request):
    """Run a module; its result.

    Args:
        code: the module as it was sent, a ``Code`` of the runner.
        utils: the user's own ``ansible.module_utils``, by name; a package under the name of its ``__init__``.
        request: the task, with ``foreign``: ``kind``, ``name``, ``version``, and what the controller tells besides.
    """
    about = request["foreign"]
    params = _parameters(about, request)
    try:
        if about["kind"] == PYTHON:
            ended = _in_process(lambda: run_as_main(code, utils, params, about))
        else:
            ended = _as_program(code, about, params)
        result = read_answer(*ended)
    except _Trouble as trouble:
        result = {"failed": True, "msg": str(trouble)}
    if not (result.get("failed") or request.get("invocation")):
        result.pop("invocation", None)
    return jsonable(complete(result))


class _Trouble(Exception):
    """The module could not be started; the text is for an operator."""


def _parameters(about, request):
    params = dict(request.get("args") or {})
    told = {
        "check_mode": bool(request.get("check")),
        "diff": bool(request.get("diff")),
        "no_log": False,
        "debug": False,
        "verbosity": 0,
        "version": about.get("version") or "",
        "module_name": about["name"],
        "syslog_facility": "LOG_USER",
        "selinux_special_fs": ["fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"],
        "string_conversion_action": "warn",
        "socket": None,
        "shell_executable": "/bin/sh",
        "keep_remote_files": False,
        "tmpdir": None,
        "remote_tmp": "~/.ansible/tmp",
        "ignore_unknown_opts": False,
        "target_log_info": None,
    }
    told.update(about.get("told") or {})
    for name, value in told.items():
        params["_ansible_" + name] = value
    return params


def complete(result):
    """What every result says: whether it failed, and whether something changed."""
    if "failed" not in result:
        result["failed"] = result.get("rc", 0) not in (0, "0", None)
    result.setdefault("changed", False)
    return result


def read_answer(status, out, err):
    """The result that a module has printed, with whatever stands around it."""
    text = out.decode("utf-8", "surrogateescape")
    found, junk = _document(text)
    if isinstance(found, dict):
        if junk:
            warnings = found.get("warnings")
            found["warnings"] = (list(warnings) if isinstance(warnings, (list, tuple)) else []) + [junk]
        return found
    errors = err.decode("utf-8", "surrogateescape")
    said = (errors.strip() or text.strip()).splitlines()
    last = said[-1].strip() if said else "it printed nothing"
    if status < 0:
        last = "it was killed by signal {}".format(-status)
    answer = {"failed": True, "module_stdout": text, "module_stderr": errors}
    if status:
        answer["rc"] = status
    answer["msg"] = "MODULE FAILURE: the module gave no result in JSON: {}".format(last)
    if "Traceback (most recent call last)" in errors:
        answer["exception"] = errors
    return answer


def _document(text):
    """The mapping in JSON that begins at the start of a line, and what is to be said of what follows it."""
    decoder = json.JSONDecoder()
    at = 0
    for line in text.splitlines(True):
        if line.lstrip().startswith("{"):
            start = at + line.index("{")
            try:
                found, end = decoder.raw_decode(text, start)
            except ValueError:
                found = None
            if isinstance(found, dict):
                rest = text[end:].strip()
                return found, "Module invocation had junk after the JSON data: {}".format(rest) if rest else None
        at += len(line)
    return None, None


# -- modules in Python


def _in_process(act):
    """Have a child do something; wait status, output and errors."""
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.dup2(out_write, 1)
            os.dup2(err_write, 2)
            for descriptor in (out_read, out_write, err_read, err_write):
                os.close(descriptor)
            status = act()
        except BaseException:
            _print_trace()
        finally:
            _leave(status)
    os.close(out_write)
    os.close(err_write)
    return _collect(pid, out_read, err_read)


def _leave(status):
    """End the process as an interpreter does, without taking apart what is the runner's."""
    try:
        import threading

        getattr(threading, "_shutdown", lambda: None)()
    except BaseException:
        _print_trace()
    try:
        import atexit

        atexit._run_exitfuncs()
    except BaseException:
        _print_trace()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status)


def _print_trace():
    import traceback

    traceback.print_exc()


def _collect(pid, out_fd, err_fd):
    """Read what a process prints, until its end: what it leaves behind may hold the pipes for ever."""
    parts = {out_fd: bytearray(), err_fd: bytearray()}
    poll = select.poll()
    for fd in parts:
        os.set_blocking(fd, False)
        poll.register(fd, select.POLLIN)
    left, status = set(parts), None
    while left:
        if status is None:
            ended, told = os.waitpid(pid, os.WNOHANG)
            status = told if ended else None
        events = poll.poll(50 if status is None else 0)
        if not events and status is not None:
            break
        for fd, _ in events:
            try:
                data = os.read(fd, _READ)
            except BlockingIOError:
                continue
            if not data:
                left.discard(fd)
                poll.unregister(fd)
            elif len(parts[fd]) < _LIMIT:
                parts[fd] += data
    if status is None:
        status = os.waitpid(pid, 0)[1]
    for fd in parts:
        os.close(fd)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return code, bytes(parts[out_fd]), bytes(parts[err_fd])


def _find_packages():
    """Let Python import what is installed for it, which the runner did without (``-I -S``)."""
    import site

    if sys.flags.no_site:
        site.main()
    if sys.flags.no_user_site and os.getuid() == os.geteuid() and sys.prefix == sys.base_prefix:
        folder = site.getusersitepackages()
        if os.path.isdir(folder):
            site.addsitedir(folder)
    if sys.flags.ignore_environment:
        sys.path[:0] = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


def run_as_main(code, utils, params, about):
    """Run a module in Python as ``__main__``; its exit status.

    Args:
        params: its arguments, and what it is told besides.
        about: see ``run``; ``respawned`` where it has asked for this Python itself.
    """
    _find_packages()
    respawning.remember(code, utils, params, about)
    from stella_ops.remote.lib.module_utils import basic

    packed = json.dumps({"ANSIBLE_MODULE_ARGS": params}).encode("utf-8")
    vars(basic)["_ANSIBLE_ARGS"] = packed
    package = about.get("package")
    sys.meta_path.insert(0, UtilsFinder(utils, params["_ansible_version"], about.get("aliases") or {}, package))
    name = params["_ansible_module_name"].rpartition(".")[2]
    main = type(sys)("__main__")
    path = "/{}/{}.py".format((package or "ansible.modules").replace(".", "/"), name)
    vars(main).update(
        __file__=path, __package__=package, _module_fqn="{}.{}".format(package or "ansible.modules", name)
    )
    if about.get("respawned"):
        vars(main)["_respawned"] = True
    sys.modules["__main__"] = main
    sys.argv = [path]
    try:
        exec(code.load(), vars(main))
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        sys.stderr.write("{}\n".format(end.code))
        return 1
    except Exception as problem:
        import traceback

        text = "Task failed: Module failed: {}".format(str(problem) or type(problem).__name__)
        told = {"failed": True, "msg": text, "exception": traceback.format_exc()}
        print("\n" + json.dumps(told))
        return 1
    return 0


# -- all others


def _as_program(code, about, params):
    import shutil

    if about["kind"] == KEY_VALUE:
        import shlex

        text = " ".join("{}={}".format(name, shlex.quote(_word(value))) for name, value in params.items())
    else:
        text = json.dumps(params)
    data = code.data()
    if about["kind"] == JSON_ARGS:
        data = data.replace(_JSON_ARGS_MARK, text.encode("utf-8"))
    folder = _private_folder(params.get("_ansible_remote_tmp"))
    try:
        program = os.path.join(folder, os.path.basename(about["file"]))
        _write(program, data, 0o700)
        words = _interpreter(about, data) + [program]
        if about["kind"] != JSON_ARGS:
            arguments = os.path.join(folder, "args")
            _write(arguments, text.encode("utf-8", "surrogateescape"), 0o600)
            words.append(arguments)
        return _start(words)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _word(value):
    return value if isinstance(value, str) else str(value)


def _private_folder(wanted):
    import tempfile

    base = os.path.expanduser(os.path.expandvars(wanted)) if wanted else None
    if base is not None:
        try:
            os.makedirs(base, 0o700, exist_ok=True)
            return tempfile.mkdtemp(prefix="ansible-tmp-", dir=base)
        except OSError:
            pass
    return tempfile.mkdtemp(prefix="ansible-tmp-")


def _write(path, data, mode):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as target:
        target.write(data)


def _interpreter(about, data):
    """The words that stand before a program's path."""
    if about["kind"] == BINARY or not data.startswith(b"#!"):
        return []
    words = data.split(b"\n", 1)[0][2:].decode("utf-8", "surrogateescape").split()
    if not words:
        return []
    if about.get("interpreter"):
        # The operator's own may have arguments.
        return about["interpreter"].split() + words[1:]
    if os.path.basename(words[0]) == "env" and len(words) > 1 and os.path.basename(words[1]) == "python":
        return [sys.executable] + words[2:]
    # The interpreter that modules run in is the one that is known to be there.
    if os.path.basename(words[0]) == "python":
        return [sys.executable] + words[1:]
    return words


def _start(words):
    import errno
    import subprocess

    for attempt in range(20):
        try:
            child = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=False
            )
            break
        except OSError as problem:
            # Another process of ours, forked meanwhile, may still hold the file open for writing.
            if problem.errno == errno.ETXTBSY and attempt < 19:
                select.select([], [], [], 0.05)
                continue
            raise _Trouble("the module cannot be started: {}: {}".format(words[0], problem.strerror))
    assert child.stdout is not None and child.stderr is not None
    out, err = os.dup(child.stdout.fileno()), os.dup(child.stderr.fileno())
    child.stdout.close()
    child.stderr.close()
    ended = _collect(child.pid, out, err)
    child.returncode = ended[0]
    return ended
