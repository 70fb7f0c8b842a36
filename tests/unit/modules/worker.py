"""Runs modules under the interpreter it is started with: a JSON request a line in, a JSON result a line out.

Each module runs in a forked child, as in the remote runner, so that nothing of one run reaches the next.
Speaks Python 3.6.
"""

import base64
import io
import json
import os
import resource
import sys

# Not used here, but by modules that import it late, when they may be another user who cannot read the checkout.
import stella_ops.remote.lib.process  # noqa: F401
from stella_ops.remote.lib.task import execute


def in_child(request):
    with open(request["module"], "rb") as source:
        code = compile(source.read(), request["module"], "exec")
    module = {"__name__": "stella_module"}
    exec(code, module)
    os.umask(request["umask"])
    os.environ.update(request["environment"] or {})
    os.chdir(request["cwd"])
    if request["file_limit"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_limit"], request["file_limit"]))
    if request["uid"]:
        # Only now: the interpreter and the checkout may be readable for us alone.
        os.setgroups([])
        os.setgid(request["uid"])
        os.setuid(request["uid"])
    content = request["content"]
    stream = None if content is None else io.BytesIO(base64.b64decode(content))
    result = execute(module["run"], module.get("ARGUMENTS", {}), request, stream)
    return json.dumps(result, allow_nan=False).encode("utf-8")


def main():
    for line in sys.stdin:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                with os.fdopen(writer, "wb") as answer:
                    answer.write(in_child(json.loads(line)))
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            data = answer.read()
        os.waitpid(pid, 0)
        sys.stdout.write((data.decode("utf-8") or '{"crashed": true}') + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
