"""Dies."""

import os
import signal

ARGUMENTS = {}


def run(task):
    os.kill(os.getpid(), signal.SIGKILL)
