"""Run one command and measure it and all its descendants; a program of its own, so that nothing else is counted.

    python measure.py RESULT.json OUTPUT TIMEOUT COMMAND [ARGUMENT…]

Wall time ends with the command. Processes that it left in the background (ControlPersist masters of OpenSSH) come
back to this program as their subreaper, are ended, and their CPU time counts too.

RESULT.json: ``status`` (exit status, negative for a signal), ``timed_out``, ``wall``, ``user`` and ``system`` in
seconds, ``rss_one`` (peak of the largest process, by the kernel) and ``rss_all`` (peak of the sum over all
processes, sampled, pages they share counted in each), both in KiB.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_FILES = 16384
_PAGE_KIB = resource.getpagesize() // 1024


class MemoryWatch(threading.Thread):
    """Sums up the resident memory of this process's descendants now and then.

    Reading /proc costs the machine some time, so a long run is looked at less often.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._stop_now = threading.Event()

    def run(self) -> None:
        pause = 0.2
        while not self._stop_now.wait(pause):
            self.peak = max(self.peak, sum(_resident_kib(pid) for pid in _descendants(os.getpid())))
            pause = min(pause * 1.2, 2.0)

    def end(self) -> None:
        """Stop and wait for the last look."""
        self._stop_now.set()
        self.join()


def _descendants(root: int) -> list[int]:
    found = [root]
    for known in found:
        found.extend(_children(known))
    return found[1:]


def _children(pid: int) -> list[int]:
    """Asked of the kernel, thread by thread: looking through /proc would cost more the more hosts are up."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found.extend(map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split()))
    except OSError:
        pass  # it ended while we looked
    return found


def _resident_kib(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KIB
    except (OSError, IndexError):
        return 0


def _end_leftovers() -> None:
    """End and reap what the command left behind; its orphans are this process's children."""
    number = signal.SIGTERM
    deadline = time.monotonic() + 5
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        if time.monotonic() > deadline:
            number = signal.SIGKILL
        for pid in _descendants(os.getpid()):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def _allow_files() -> None:
    """Let the command open as many files as may be; the usual 1024 are few for a process with many hosts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    """Measure the command in the arguments."""
    result, output, timeout, *command = sys.argv[1:]
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        raise SystemExit("this kernel does not tell of a process's children: it lacks CONFIG_PROC_CHILDREN")
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    silence = os.open(os.devnull, os.O_RDONLY)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    _allow_files()
    streams = [(os.POSIX_SPAWN_DUP2, silence, 0), (os.POSIX_SPAWN_DUP2, said, 1), (os.POSIX_SPAWN_DUP2, said, 2)]
    timed_out = threading.Event()
    watch = MemoryWatch()
    started = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=streams, setsid=True)

    def give_up() -> None:
        timed_out.set()
        os.killpg(child, signal.SIGKILL)

    alarm = threading.Timer(float(timeout), give_up)
    alarm.daemon = True
    alarm.start()
    watch.start()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _, status = os.waitpid(child, 0)
    except KeyboardInterrupt:
        os.killpg(child, signal.SIGKILL)
        _end_leftovers()
        raise SystemExit(130) from None
    wall = time.perf_counter() - started
    alarm.cancel()
    watch.end()
    _end_leftovers()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured = {
        "status": os.waitstatus_to_exitcode(status),
        "timed_out": timed_out.is_set(),
        "wall": wall,
        "user": used.ru_utime,
        "system": used.ru_stime,
        "rss_one": used.ru_maxrss,
        "rss_all": max(watch.peak, used.ru_maxrss),
    }
    Path(result).write_text(json.dumps(measured))


if __name__ == "__main__":
    main()
