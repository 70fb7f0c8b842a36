"""Runs ansible-core's ``ansible-playbook`` many times and imports it once: started with ansible-core's own Python.

A request is a line of JSON on the standard input: ``args``, ``cwd``, ``environment``, and the files ``stdout`` and
``stderr``. Each is carried out by a fork, the way ``ansible-playbook`` itself begins once it has imported what it
needs; the answer is a line with its exit status. ansible-core reads its settings at import, from this process's
environment: whoever wants others starts ``ansible-playbook`` itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import ansible.cli.playbook
import ansible.constants
import ansible.executor.process.worker
import ansible.module_utils.connection
import ansible.playbook.handler_task_include
import ansible.playbook.included_file
import ansible.playbook.role_include
import ansible.plugins.connection
import ansible.plugins.inventory
import ansible.plugins.shell
import ansible.plugins.strategy
import ansible.plugins.vars

LONGEST = float(sys.argv[1])  # seconds


def carry_out(request: dict[str, Any]) -> int:
    """What is left of the program when it is imported; its exit status."""
    for number, name, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["stdout"], os.O_WRONLY | os.O_CREAT),
        (2, request["stderr"], os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(name, how, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # Made at import, like the settings, but every run has one of its own.
    own = Path(request["environment"]["ANSIBLE_HOME"], "tmp")
    own.mkdir(parents=True, exist_ok=True)
    ansible.constants.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(prefix="ansible-local-", dir=own)
    sys.argv = ["ansible-playbook", *request["args"]]
    try:
        ansible.cli.playbook.main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def in_child(request: dict[str, Any]) -> None:
    """Never returns."""
    status = 70
    try:
        status = carry_out(request)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            in_child(request)
        child = os.pidfd_open(pid)
        if not select.select([child], [], [], LONGEST)[0]:
            os.kill(pid, signal.SIGABRT)  # faulthandler then says where it hangs
        os.close(child)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


main()
