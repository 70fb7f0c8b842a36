from __future__ import annotations

import os
import time

import pytest

from stella_ops.remote.lib import process


def test_outcome():
    assert process.run(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, b"out\n", b"err\n")
    assert process.run("exit 4", shell=True).rc == 4
    assert process.run(["sh", "-c", "kill -TERM $$"]).rc == -15


def test_both_ways_at_once_without_deadlock():
    data = os.urandom(4_000_000)
    outcome = process.run(["sh", "-c", "tee /dev/stderr"], stdin=data)
    assert outcome.stdout == data
    assert outcome.stderr == data


def test_a_program_that_reads_nothing():
    assert process.run(["true"], stdin=b"x" * 1_000_000).rc == 0


def test_stdin_is_empty_unless_given():
    assert process.run(["cat"]) == (0, b"", b"")
    assert process.run(["cat"], stdin=b"") == (0, b"", b"")


def test_all_output_of_a_program_that_ended_long_ago_is_there():
    outcome = process.run(["sh", "-c", "head -c 60000 /dev/zero; sleep 0.2 & exit 0"])
    assert len(outcome.stdout) == 60000


def test_output_after_a_long_silence():
    assert process.run(["sh", "-c", "sleep 0.3; echo late"]).stdout == b"late\n"


def test_a_daemon_does_not_hold_us():
    began = time.monotonic()
    outcome = process.run(["sh", "-c", "sleep 30 & echo $!"])
    assert time.monotonic() - began < 5
    os.kill(int(outcome.stdout), 9)


def test_no_descriptors_are_left_open():
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        process.run(["cat"], stdin=b"x")
    assert os.listdir("/proc/self/fd") == before


def test_environment_is_added(monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    outcome = process.run("echo $KEPT$ADDED", shell=True, environment={"ADDED": "2"})
    assert outcome.stdout == b"12\n"


def test_what_cannot_be_started():
    with pytest.raises(FileNotFoundError):
        process.run(["no-such-program-here"])


def test_find_looks_where_administration_tools_are(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert process.find("sh") in ("/bin/sh", "/usr/bin/sh")
    tool = tmp_path / "sh"
    tool.touch()
    assert process.find("sh") != str(tool), "it is no program yet"
    tool.chmod(0o755)
    assert process.find("sh") == str(tool)
    assert process.find("no-such-program-here") is None


def test_local_time():
    assert process.local_time(0.25).endswith(".250000")
