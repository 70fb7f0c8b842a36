"""Ctrl-C and SIGTERM in the middle of a task: the recap comes, nothing stays behind on the host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - command: echo first
    - shell: "touch {{ playbook_dir }}/started.{{ inventory_hostname }}; exec sleep MARK"
    - command: touch {{ playbook_dir }}/never
"""


def _processes(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in words:
            found.append(path.parent.name)
    return found


def _wait_for(condition: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def mark() -> str:
    """A duration that no other sleep on this machine has."""
    return f"9{os.getpid()}.{time.monotonic_ns() % 1_000_000:06d}"


@pytest.fixture
def start(project: Any, mark: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the play, waits until its long task runs on all hosts."""
    running: list[subprocess.Popen[str]] = []

    def go(inventory: str, hosts: int, *more: str) -> subprocess.Popen[str]:
        project.write("long.yml", PLAYBOOK.replace("MARK", mark))
        process = project.start("play", "-i", inventory, "long.yml", *more)
        running.append(process)
        _wait_for(lambda: len(_processes(mark)) == hosts or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        return process

    yield go
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _local(project: Any) -> str:
    project.write("hosts.ini", "a ansible_connection=local\nb ansible_connection=local\n")
    return "hosts.ini"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_local_hosts(number: int, project: Any, mark: str, start: Callable[..., Any]) -> None:
    process = start(_local(project), 2)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 99
    assert "PLAY RECAP" in stdout and stdout.count("ok=1 ") == 2
    assert "nterrupted" in stderr and "Traceback" not in stdout + stderr
    assert "\nhint: fix it, then go on with: stella-ops play --resume " in "\n" + stderr
    _wait_for(lambda: not _processes(mark))
    assert not (project.folder / "never").exists()


@pytest.mark.integration
def test_hosts_over_ssh(project: Any, mark: str, start: Callable[..., Any], embedded_lab: Any) -> None:
    process = start(str(embedded_lab.inventory), len(embedded_lab.hosts))
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 99
    assert "PLAY RECAP" in stdout and stdout.count("ok=1 ") == len(embedded_lab.hosts)
    assert "Traceback" not in stdout + stderr
    _wait_for(lambda: not _processes(mark))


def test_events_say_so(project: Any, start: Callable[..., Any]) -> None:
    process = start(_local(project), 2, "--output", "json")
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=20)
    last = json.loads(stdout.splitlines()[-1])
    assert (last["event"], last["interrupted"], last["exit_code"]) == ("RunFinished", True, 99)
    assert set(last["hosts"]) == {"a", "b"}


@pytest.mark.integration
def test_second_interrupt_ends_at_once(project: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    """The host's server is stopped, so that a clean end waits for an answer that never comes."""
    from stella_ops.lab import embedded

    lab = embedded.up(tmp_path / "lab", count=1)
    server = int((lab.folder / "server.pid").read_text().split()[0]) if (lab.folder / "server.pid").exists() else None
    if server is None:
        [server] = [int(pid) for pid in _processes(str(lab.folder / "server.json"))]
    try:
        process = start(str(lab.inventory), 1)
        os.kill(server, signal.SIGSTOP)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)  # two keystrokes, not one
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
        assert process.returncode == 99, (stdout, stderr)
        assert time.monotonic() - began < 5
        assert "Traceback" not in stdout + stderr
    finally:
        os.kill(server, signal.SIGCONT)
        embedded.down(lab.folder, purge=True)


def test_a_pipe_that_closes_ends_the_output_not_the_run(project: Any) -> None:
    project.write("hosts.ini", "a ansible_connection=local\n")
    tasks = "".join(f"    - command: echo {n}\n" for n in range(20))
    project.write("p.yml", f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}    - command: touch done\n")
    command = project.command("play", "-i", "hosts.ini", "p.yml")
    process = subprocess.Popen(
        command, cwd=project.folder, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait(timeout=60) == 0, said
    assert b"Traceback" not in said and b"Exception" not in said
    process.stderr.close()
