"""Ends what was installed below a lab host's folder and still runs when the lab goes down."""

# Starting programs is what this file is for.
# ruff: noqa: S603

from __future__ import annotations

import subprocess
from pathlib import Path

from stella_ops.lab import processes

_PID_FILES = ("run/supervisor.pid", "run/agent.pid")


def stop_below(folder: Path) -> list[str]:
    """Stop agents installed in or one level below ``folder``; what was done, one line each.

    An agent's own ``stop`` is asked first. A process is ended by force only when its command line or working
    directory shows that it belongs to that folder: a stale pid file must not cost a stranger his life.
    """
    said: list[str] = []
    for prefix in (folder, *sorted(path for path in folder.glob("*") if path.is_dir())):
        if not _living(prefix):
            continue
        package = prefix / "current" / "stella-agent.pyz"
        if package.is_file():
            _ask(package, prefix)
        for pid in _living(prefix):
            processes.stop(pid)
        said.append(f"stopped the agent in {prefix}")
    return said


def _living(prefix: Path) -> list[int]:
    found = (processes.read_pid(prefix / name) for name in _PID_FILES)
    return [pid for pid in found if pid and processes.is_alive(pid) and _belongs(pid, prefix)]


def _belongs(pid: int, prefix: Path) -> bool:
    if str(prefix) in processes.command_line(pid):
        return True
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True).is_relative_to(prefix.resolve())
    except OSError:
        return False


def _ask(package: Path, prefix: Path) -> None:
    interpreter = next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(p).exists()), "python3")
    try:
        subprocess.run(
            [interpreter, str(package), "stop", "--prefix", str(prefix)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        pass  # it is stopped by signal next
