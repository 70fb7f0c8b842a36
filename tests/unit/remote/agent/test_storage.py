"""Files that are there whole or not at all, whatever becomes of their writers."""

import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from stella_ops.remote.agent import storage
from stella_ops.remote.lib.layout import Layout

# Writes as the agent does, but stops in the middle of it until it is told to go on.
_WRITER = """
import os, sys
from stella_ops.remote.agent import storage
def pause(descriptor):
    os.fsync = lambda descriptor: None
    print("writing", flush=True)
    sys.stdin.readline()
os.fsync = pause
storage.write_atomic(sys.argv[1], sys.argv[2].encode(), 0o600)
"""
# Writes as often as it can; each time it must succeed.
_BUSY = """
import sys
from stella_ops.remote.agent import storage
for number in range(int(sys.argv[2])):
    storage.write_atomic(sys.argv[1], b"whole" * 1000)
"""


@pytest.fixture
def writer():
    """Starts a process that is in the middle of writing a file; what still runs is ended."""
    started = []

    def start(path, text):
        command = [sys.executable, "-c", _WRITER, str(path), text]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "writing\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _kill_and_leave_unreaped(process):
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    os.kill(process.pid, 0)  # a zombie still has its pid


def test_a_new_file_has_its_content_and_bits_and_stands_alone(tmp_path):
    path = tmp_path / "agent.key"
    for text in (b"one", b"two"):
        storage.write_atomic(str(path), text, 0o600)
        assert path.read_bytes() == text
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["agent.key"]


def test_what_a_killed_writer_left_goes_with_the_next_write(writer, tmp_path):
    """Though nobody has taken note of its end yet: that takes some containers' init seconds."""
    process = writer(tmp_path / "agent.crt", "first")
    _kill_and_leave_unreaped(process)
    [left] = os.listdir(tmp_path)
    assert left.startswith("agent.crt.")
    storage.write_atomic(str(tmp_path / "ca.crt"), b"second")
    assert os.listdir(tmp_path) == ["ca.crt"]


def test_what_is_still_written_is_left_alone(writer, tmp_path):
    process = writer(tmp_path / "agent.crt", "first")
    storage.forget_left_overs(str(tmp_path))
    storage.write_atomic(str(tmp_path / "agent.crt"), b"second")
    assert len(os.listdir(tmp_path)) == 2
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(20) == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"agent.crt": "first"}


def test_a_file_that_is_taken_for_left_over_before_it_has_its_lock_is_made_again(tmp_path, monkeypatch):
    real, taken = storage.fcntl.flock, []

    def flock(descriptor, how):
        if not taken:
            taken.extend(path for path in tmp_path.iterdir())
            storage.forget_left_overs(str(tmp_path))
        real(descriptor, how)

    monkeypatch.setattr(storage.fcntl, "flock", flock)
    storage.write_atomic(str(tmp_path / "agent.crt"), b"whole")
    assert len(taken) == 1 and taken[0].suffix == ".new"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"agent.crt": "whole"}


def test_several_that_write_and_clear_up_do_not_get_in_each_others_way(tmp_path):
    command = [sys.executable, "-c", _BUSY, str(tmp_path / "agent.crt"), "300"]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60)[1] for process in started] == [""] * 4
    assert os.listdir(tmp_path) == ["agent.crt"]
    assert (tmp_path / "agent.crt").read_bytes() == b"whole" * 1000


def test_other_files_and_links_are_not_left_overs(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "agent.json.1.new").symlink_to(elsewhere)
    os.mkfifo(str(folder / "agent.json.2.new"))
    for name in ("agent.json.new", "agent.json.previous", "agent.json.1.newer", "notes.new"):
        (folder / name).write_text("mine")
    storage.forget_left_overs(str(folder))
    assert elsewhere.read_text() == "mine"
    assert {"agent.json.new", "agent.json.previous", "agent.json.1.newer", "notes.new"} <= set(os.listdir(folder))


@pytest.mark.parametrize("command", ["rpc", "run"])
def test_the_next_process_of_an_agent_clears_up_whatever_it_writes_itself(agent, writer, command):
    agent.ask("version")  # makes the folders
    layout = agent.layout
    written = (layout.certificate, layout.key, layout.config, layout.revision)
    for process in [writer(path, "a part") for path in written]:
        _kill_and_leave_unreaped(process)
    assert len(_unfinished(layout)) == 4
    if command == "rpc":
        agent.ask("status")
    else:
        running = agent.run()
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
    assert _unfinished(layout) == []
    assert not os.path.exists(layout.certificate)


def _unfinished(layout: Layout):
    folders = (layout.etc, layout.identity, layout.state)
    return [name for folder in folders for name in os.listdir(folder) if name.endswith(".new")]


def test_json_is_read_back_and_rubbish_is_none(tmp_path):
    path = str(tmp_path / "status.json")
    assert storage.read_json(path) is None
    storage.write_json(path, {"a": 1})
    assert storage.read_json(path) == json.loads((tmp_path / "status.json").read_text()) == {"a": 1}
    storage.write_atomic(path, b"[1]")
    assert storage.read_json(path) is None
