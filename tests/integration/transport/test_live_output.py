"""What commands print is seen while they run: each waits for a file that is made once its first line has arrived.

So a run whose output came late would not end; ``--task-timeout`` makes it fail.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]
Event = dict[str, Any]

WAIT = "echo begun {name}; until [ -e {gates}/{name} ]; do sleep 0.02; done; echo ended {name}"

PLAYBOOK = """
- hosts: web
  gather_facts: false
  vars:
    password: correct horse battery
    wait: echo begun $NAME; until [ -e GATES/$NAME ]; do sleep 0.02; done; echo ended $NAME
  tasks:
    - shell: NAME=shell; {{ wait }}; echo complaint >&2
      register: told
    - assert: {that: "told.stdout == 'begun shell\\nended shell' and told.stderr == 'complaint'"}
    - command: {argv: [sh, -c, "NAME=command; {{ wait }}"]}
    - raw: NAME=raw; {{ wait }}
    - script: wait.sh
    - shell: NAME=job; {{ wait }}
      async: 60
      poll: 1
    - shell: NAME={{ item }}; {{ wait }}
      loop: [first, second]
    - shell: NAME=other; {{ wait }}
      become: true
      become_user: OTHER
    - raw: NAME=rawother; {{ wait }}
      become: true
      become_user: OTHER
    - shell: NAME=guest; {{ wait }}
      delegate_to: guest
    - shell: NAME=again; {{ wait }}; [ -e GATES/tried ] || { touch GATES/tried; exit 1; }
      register: again
      until: again is succeeded
      retries: 2
      delay: 0
    - shell: printf 'it is correct ho'; NAME=half; echo >&2 begun $NAME; until [ -e GATES/half ]; do sleep 0.02; done;
        echo rse battery, yes
    - shell: echo hidden from all
      no_log: true
    - shell: echo in the background
      async: 60
      poll: 0
"""
NAMES = ["shell", "command", "raw", "script", "job", "first", "second", "other", "rawother", "guest", "again", "half"]


class Site:
    """A playbook and its inventory in a folder, and runs of it whose events are watched."""

    def __init__(self, folder: Path, gates: Path, inventory: str, playbook: str) -> None:
        self.folder = folder
        self.gates = gates
        self.peak = 0  # bytes of memory that the last run had at the most
        (folder / "hosts.ini").write_text(inventory)
        (folder / "play.yml").write_text(playbook.replace("GATES", str(gates)))
        (folder / "wait.sh").write_text(f"#!/bin/sh\n{WAIT.format(name='script', gates=gates)}\n")

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "stella_ops", "play", "play.yml", "-i", "hosts.ini", "--task-timeout", "60"]
        environ = {**os.environ, "STELLA_HOME": str(self.folder / "state"), "NO_COLOR": "1"}
        return subprocess.Popen(
            [*command, *options],
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *options: str) -> tuple[int, list[Event], str]:
        """Run to the end, opening the gate of each command that has said that it has begun."""
        process = self.start("--output", "json", *options)
        assert process.stdout
        events = []
        for line in process.stdout:
            events.append(json.loads(line))
            self.open_gate(events[-1])
        said = process.stderr.read() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.peak = usage.ru_maxrss << 10
        return process.returncode, events, said

    def open_gate(self, event: Event) -> None:
        if event["event"] == "HostOutput":
            for name in re.findall(r"begun (\w+)", event["text"]):
                gate = self.gates / name
                gate.touch()
                gate.chmod(0o644)


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, sshd: Make, account: Make) -> Callable[..., Site]:
    """Makes a site whose host is reached by SSH, or is this machine."""
    login = account(sudo="USER ALL=(ALL) NOPASSWD: ALL")
    other = account()
    gates = login.home / "gates"
    gates.mkdir(mode=0o777)
    gates.chmod(0o777)
    login.home.chmod(0o755)

    def make(connection: str, playbook: str = PLAYBOOK) -> Site:
        if connection == "local":
            hosts = "web ansible_connection=local\nguest ansible_connection=local\n"
        else:
            server = sshd(user=login.name)
            spec = server.spec()
            each = (
                f"ansible_host={server.address} ansible_port={server.port} ansible_user={login.name} "
                f"ansible_ssh_private_key_file={server.key} ansible_ssh_common_args='{spec.common_args}'"
            )
            hosts = f"web {each}\nguest {each}\n"
        return Site(tmp_path, gates, hosts, playbook.replace("OTHER", other.name))

    return make


@pytest.mark.parametrize("connection", ["ssh", "local"])
def test_output_is_seen_before_its_command_ends(site: Make, connection: str) -> None:
    made = site(connection)
    # A secret that the run knows.
    (made.folder / "password").write_text("correct horse battery\n")
    status, events, said = made.run("--live", "--become-password-file", "password")
    failed = [
        event for event in events if event["event"] == "HostFinished" and event["status"] in ("failed", "unreachable")
    ]
    assert status == 0, (failed, said)
    told: dict[int, str] = {}
    for event in events:
        if event["event"] == "HostOutput" and event["stream"] == "stdout":
            told[event["task_id"]] = told.get(event["task_id"], "") + event["text"]
    whole = "".join(told.values())
    for name in NAMES[:-2]:
        assert f"begun {name}\nended {name}\n" in whole, whole
    assert whole.count("begun again\nended again\n") == 2
    by_text = {line: event for event in events if event["event"] == "HostOutput" for line in event["text"].splitlines()}
    assert by_text["begun first"]["item"] == "first"
    assert by_text["begun guest"]["delegate"] == "guest"
    assert by_text["complaint"]["stream"] == "stderr"
    # A command's output comes after its task was told of, and before its end.
    for number in told:
        kinds = [event["event"] for event in events if event.get("task_id") == number]
        assert kinds[0] == "TaskStarted"
        assert kinds[-1] == "HostFinished"
    assert "it is ********, yes\n" in whole
    assert "correct" not in "".join(event["text"] for event in events if event["event"] == "HostOutput")
    assert "hidden" not in whole
    assert "background" not in whole


def test_lines_go_to_standard_error_and_standard_output_is_as_it_was(site: Make) -> None:
    made = site("ssh")
    for name in NAMES:
        (made.gates / name).touch()
    plain = made.start()
    expected, nothing = plain.communicate(timeout=120)
    (made.gates / "tried").unlink()
    watched = made.start("--live")
    shown, told = watched.communicate(timeout=120)
    assert plain.returncode == watched.returncode == 0
    assert shown == expected
    assert "web | " not in nothing
    assert "web | begun shell\n" in told
    assert "web (item=second) | ended second\n" in told
    assert "web -> guest | begun guest\n" in told


FLOOD = """
- hosts: web
  gather_facts: false
  tasks:
    - shell: yes | tr -d '\\n' | head -c 6000000; echo end
      register: told
    - debug: {msg: "{{ told.stdout | length }} {{ told.stdout | hash('sha1') }} {{ told.stdout_lines | length }}"}
    - raw: yes a line of a reasonable length, such as there are many in the world | head -c 3000000; echo end
      register: told
    - debug: {msg: "{{ told.stdout | length }} {{ told.stdout | hash('sha1') }} {{ told.rc }}"}
"""


def test_a_flood_of_output_stays_small_and_its_result_is_the_same(site: Make) -> None:
    made = site("ssh", FLOOD)
    results, peaks = {}, {}
    for options in ((), ("--live",)):
        status, events, said = made.run(*options)
        assert status == 0, said
        results[options] = [
            event["result"]["msg"] for event in events if event["event"] == "HostFinished" and event["task"] == "debug"
        ]
        told = [event for event in events if event["event"] == "HostOutput"]
        assert bool(told) is bool(options)
        peaks[options] = made.peak
    assert results[()] == results["--live",]
    assert results[()][0].startswith("6000003 ")
    assert peaks["--live",] < peaks[()] + (50 << 20)
    assert len(told) < 5000
    assert sum(len(event["text"]) for event in told) < 3_000_000
    assert sum(len(event["text"]) + event["skipped"] for event in told) == 9_000_008


def test_ctrl_c_amid_the_output(site: Make, helpers: Any) -> None:
    mark = f"986.{os.getpid()}"
    flood = f"""
- hosts: web
  gather_facts: false
  tasks:
    - shell: (yes & sleep {mark}; :)
"""
    made = site("ssh", flood)
    process = made.start("--output", "json", "--live")
    assert process.stdout
    events = []
    interrupted = False
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "HostOutput" and not interrupted:
            interrupted = True
            process.send_signal(signal.SIGINT)
    said = process.stderr.read() if process.stderr else ""
    assert process.wait() == 99
    assert "Traceback" not in said
    assert events[-1]["event"] == "RunFinished"
    assert events[-1]["interrupted"] is True
    assert not helpers.living(mark)


TERMINAL = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo begun pty; until [ -e GATE ]; do sleep 0.02; done; echo ended pty
    - shell: echo begun last; exec sleep MARK
"""


def test_on_a_terminal_lines_stand_below_the_task_until_ctrl_c(tmp_path: Path, helpers: Any) -> None:
    mark = f"985.{os.getpid()}"
    gate = tmp_path / "gate"
    (tmp_path / "play.yml").write_text(TERMINAL.replace("GATE", str(gate)).replace("MARK", mark))
    command = [sys.executable, "-m", "stella_ops", "play", "play.yml", "-i", "web,", "-c", "local"]
    environ = {**os.environ, "STELLA_HOME": str(tmp_path / "state"), "TERM": "xterm-256color"}
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=tmp_path, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen, interrupted = b"", False
    with contextlib.suppress(OSError):  # EIO is how the end of a terminal looks
        while data := os.read(terminal, 65536):
            seen += data
            if b"web | begun pty" in seen and not gate.exists():
                assert b"ended pty" not in seen
                assert b"run: 0 of 2 tasks" in seen
                gate.touch()
            if b"web | begun last" in seen and not interrupted:
                interrupted = True
                process.send_signal(signal.SIGINT)
    os.close(terminal)
    assert process.wait() == 99, seen.decode(errors="replace")
    assert b"Traceback" not in seen
    assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l"), "the cursor is back"
    assert not helpers.living(mark)
