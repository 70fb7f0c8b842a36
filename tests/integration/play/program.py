"""A case run by a program of its own: ansible-core's, or ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 300  # seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: exit status, standard output in the comparable form, all that was printed."""

    status: int
    transcript: str
    said: str


def run(command: list[str], case: Any, label: str, work: Path, transcript: Any) -> Outcome:
    """Run a case in an empty folder.

    Args:
        command: the words before the arguments of ``ansible-playbook``.
        label: which of the case's runs.
        transcript: the module of that name; tests are no package that could be imported from.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "STELLA_HOME": str(work / ".stella"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_HOME": str(work / ".ansible"),
        "NO_COLOR": "1",
        "PYTHONFAULTHANDLER": "1",
        "HOME": str(work),
        "LC_ALL": "C.UTF-8",
        **case.environment,
    }
    keys = (*transcript.KEYS, *case.keys)
    printed, said, status = [], "", 0
    for args in case.unpack(work, label):
        status, stdout, stderr = _run([*command, *args], work, environment)
        printed.append(transcript.normalize(stdout, str(work), keys))
        said += stdout + stderr
    return Outcome(status, "\n".join(printed), said)


def _run(command: list[str], work: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    # Standard output and error apart: warnings of either program are its own.
    process = subprocess.Popen(
        command,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # faulthandler then says where it hangs
        stdout, stderr = process.communicate()
        stderr += f"\nHANGS: stopped after {LONGEST} s\n"
    return process.returncode, stdout, stderr
