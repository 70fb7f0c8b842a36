"""A case run by a program of its own: ansible-core's, or ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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


# From arguments, folder and environment to exit status, standard output and standard error.
Start = Callable[[list[str], Path, dict[str, str]], tuple[int, str, str]]


def run(
    start: list[str] | Start, case: Any, label: str, work: Path, transcript: Any, more: Sequence[str] = ()
) -> Outcome:
    """Run a case in an empty folder.

    Args:
        start: the words before the arguments of ``ansible-playbook``, or what runs it.
        label: which of the case's runs.
        transcript: the module of that name; tests are no package that could be imported from.
        more: arguments beside the case's own.
    """
    if isinstance(start, list):
        start = in_process_of_its_own(start)
    environment = {**_environment(work), **case.environment}
    keys = (*transcript.KEYS, *case.keys)
    printed, said, status = [], "", 0
    for args in case.unpack(work, label):
        status, stdout, stderr = start([*args, *more], work, environment)
        printed.append(transcript.normalize(stdout, str(work), keys))
        said += stdout + stderr
    return Outcome(status, "\n".join(printed), said)


def _environment(work: Path) -> dict[str, str]:
    return {
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
    }


def in_process_of_its_own(command: list[str]) -> Start:
    """Starts a program for each run, by the words before its arguments."""
    return lambda args, work, environment: _run([*command, *args], work, environment)


def has_own_settings(case: Any) -> bool:
    """Whether a case brings settings of ansible-core: an environment, or an ``ansible.cfg``."""
    return bool(case.environment) or any(case.folder.rglob("ansible.cfg"))


@contextmanager
def imported_once(peer: Path, folder: Path, packed: Path) -> Iterator[Start]:
    """Runs ansible-core by forks of a process that has imported it, for cases without settings of their own.

    Args:
        peer: the folder of ansible-core's programs.
        folder: an empty one, for the process.
        packed: the folder of modules as they are packed for hosts; several processes may share it.
    """
    with subprocess.Popen(
        [str(peer / "python"), str(Path(__file__).with_name("peer_server.py")), str(LONGEST), str(packed)],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        asks, answers = server.stdin, server.stdout
        assert asks and answers

        def start(args: list[str], work: Path, environment: dict[str, str]) -> tuple[int, str, str]:
            streams = [work.with_name(f"{work.name}.{name}") for name in ("stdout", "stderr")]
            for stream in streams:
                stream.unlink(missing_ok=True)
            names = dict(zip(("stdout", "stderr"), map(str, streams), strict=True))
            asks.write(json.dumps({"args": args, "cwd": str(work), "environment": environment, **names}) + "\n")
            asks.flush()
            status = int(answers.readline())
            stdout, stderr = (stream.read_text(encoding="utf-8") for stream in streams)
            return status, stdout, stderr

        yield start
        asks.close()


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
