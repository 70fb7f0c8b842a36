"""Background processes of a lab: is it alive, is it ours, wait for its end, stop it."""

# Starting programs is what this file is for.
# ruff: noqa: S603, S607

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path


def read_pid(path: Path) -> int | None:
    """The process id in a pid file, or None: no file, or no number in it."""
    try:
        pid = int(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
    return pid if pid > 1 else None


def is_alive(pid: int) -> bool:
    """Whether a process of that id runs. A zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # The state follows the command's name, which may hold blanks and brackets itself.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return not Path("/proc/self/stat").exists()


def command_line(pid: int) -> str:
    """The arguments of a process joined by blanks; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        if Path("/proc/self/cmdline").exists():
            return ""
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def children(*pids: int) -> list[int]:
    """The ids of the own children of all these processes; empty where there is no /proc."""
    parents = {str(pid) for pid in pids}
    found = []
    for entry in Path("/proc").glob("[0-9]*") if parents else ():
        try:
            parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue  # it ended while we looked
        if parent in parents:
            found.append(int(entry.name))
    return found


def wait_gone(pid: int, timeout: float) -> bool:
    """Wait up to ``timeout`` seconds for the end of a process, child or not; True when it ended."""
    deadline = time.monotonic() + timeout
    if hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        except OSError:
            pass  # a kernel before 5.3, or a sandbox that forbids it
        else:
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                return bool(poll.poll(max(0.0, timeout) * 1000))
            finally:
                os.close(descriptor)
    while is_alive(pid):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def stop(*pids: int, grace: float = 5.0) -> None:
    """End processes: SIGTERM to all, SIGKILL to those that are left after ``grace`` seconds. Gone already is fine."""
    left = list(pids)
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        left = [pid for pid in left if _signal(pid, number)]
        deadline = time.monotonic() + patience
        left = [pid for pid in left if not wait_gone(pid, max(0.0, deadline - time.monotonic()))]


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
