import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stella_ops.lab import processes


def start(code: str) -> subprocess.Popen[str]:
    """A Python process that has got as far as printing a line."""
    started = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline()
    return started


@pytest.mark.parametrize("text", ["", "x", "-5", "0", "1", "12 13"])
def test_what_is_no_process_id_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pid"
    path.write_text(text)
    assert processes.read_pid(path) is None
    assert processes.read_pid(tmp_path / "missing") is None


def test_a_pid_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text("4711\n")
    assert processes.read_pid(path) == 4711


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        assert processes.wait_gone(child.pid, 10)
        assert not processes.is_alive(child.pid)
    assert processes.is_alive(os.getpid())


def test_stop_is_gentle_first() -> None:
    code = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print(1, flush=True); signal.pause()"
    with start(code) as child:
        processes.stop(child.pid)
        assert child.wait(10) == 7


def test_stop_uses_force_on_the_deaf() -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()"
    with start(code) as child:
        assert not processes.wait_gone(child.pid, 0.05)
        processes.stop(child.pid, grace=0.05)
        assert child.wait(10) == -signal.SIGKILL


def test_all_are_asked_before_anyone_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, int]] = []

    def wait_gone(pid: int, timeout: float) -> bool:
        done.append(("wait", pid))
        return pid != 12

    monkeypatch.setattr(os, "kill", lambda pid, number: done.append((signal.Signals(number).name, pid)))
    monkeypatch.setattr(processes, "wait_gone", wait_gone)
    processes.stop(11, 12)
    asked = [("SIGTERM", 11), ("SIGTERM", 12), ("wait", 11), ("wait", 12)]
    assert done == [*asked, ("SIGKILL", 12), ("wait", 12)]


def test_stopping_what_is_gone_is_fine() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait(10)
    processes.stop(child.pid)
    assert processes.wait_gone(child.pid, 0)
    assert processes.command_line(child.pid) == ""


def test_command_lines_and_children_are_seen() -> None:
    with start("import signal; print('marker', flush=True); signal.pause()") as child:
        assert "marker" in processes.command_line(child.pid)
        if Path("/proc/self/stat").exists():
            assert child.pid in processes.children(os.getpid())
        child.kill()
