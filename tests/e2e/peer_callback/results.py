"""A callback for ansible-core that writes each host's result of each task as a line of JSON to $RESULTS_FILE."""

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results
type: stdout
short_description: results as lines of JSON
description: for comparing with another program's
"""


class CallbackModule(CallbackBase):
    """One line a result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "results"

    def _write(self, result, **more):
        task = result._task
        line = {
            "place": task.get_path() or "",
            "task": task.get_name(),
            "action": task.action,
            "host": result._host.get_name(),
            "result": {**result._result, **more},
        }
        with open(os.environ["RESULTS_FILE"], "a") as out:
            out.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        self._write(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write(result, failed=True)

    def v2_runner_on_skipped(self, result):
        self._write(result, skipped=True)

    def v2_runner_on_unreachable(self, result):
        self._write(result, unreachable=True)
