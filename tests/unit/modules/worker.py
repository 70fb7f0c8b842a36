"""Runs modules under the interpreter it is started with: a JSON request a line in, a JSON result a line out.

A request's content is the path of a file, which may be large.

Each module runs in a forked child, as in the remote runner, so that nothing of one run reaches the next. Only what
has been compiled is kept for the next child: modules, and the parts of ``stella_ops.remote`` that they import.
Speaks Python 3.6.
"""

import importlib
import json
import os
import resource
import sys

# Not used here, but by modules that import it late, when they may be another user who cannot read the checkout.
import stella_ops.remote.lib.process  # noqa: F401
from stella_ops.remote.lib.task import execute

COMPILED = {}


def code_of(path):
    """The code of a module's file as it is now."""
    with open(path, "rb") as file:
        source = file.read()
    if COMPILED.get(path, (None, None))[0] != source:
        COMPILED[path] = source, compile(source, path, "exec")
    return COMPILED[path][1]


def of_ours():
    """The names of the parts of ``stella_ops.remote`` that are imported."""
    return [name for name in sys.modules if name.startswith("stella_ops.remote.")]


def in_child(request, code):
    module = {"__name__": "stella_module"}
    exec(code, module)
    os.umask(request["umask"])
    os.environ.update(request["environment"] or {})
    stream = open(request["content"], "rb") if request["content"] else None  # noqa: SIM115  (open to this child's end)
    os.chdir(request["cwd"])
    if request["file_limit"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_limit"], request["file_limit"]))
    if request["uid"]:
        # Only now: the interpreter and the checkout may be readable for us alone.
        os.setgroups([])
        os.setgid(request["uid"])
        os.setuid(request["uid"])
    return execute(module["run"], module.get("ARGUMENTS", {}), request, stream)


def answer(request, code):
    """What a child says: the modules of ours that it has imported, and the result, a line each."""
    result = in_child(request, code)
    return (json.dumps(of_ours()) + "\n" + json.dumps(result, allow_nan=False)).encode("utf-8")


def main():
    for line in sys.stdin:
        request = json.loads(line)
        code = code_of(request["module"])
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                with os.fdopen(writer, "wb") as out:
                    out.write(answer(request, code))
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            imported, _, result = file.read().decode("utf-8").partition("\n")
        os.waitpid(pid, 0)
        for name in json.loads(imported or "[]"):
            importlib.import_module(name)
        sys.stdout.write((result or '{"crashed": true}') + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
