import os
import subprocess
import sys

import pytest

from stella_ops.remote.lib.pidfile import AlreadyRunning, PidFile, holder, wait_until_free

_HOLD = """
import sys
from stella_ops.remote.lib.pidfile import PidFile
PidFile(sys.argv[1]).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    path = str(tmp_path / "agent.pid")
    command = [sys.executable, "-c", _HOLD, path]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield path, process
    process.kill()
    process.communicate()


def test_names_its_holder_and_refuses_another(held):
    path, process = held
    assert holder(path) == process.pid
    with pytest.raises(AlreadyRunning) as caught:
        PidFile(path).acquire(wait=0.1)
    assert caught.value.pid == process.pid


def test_a_killed_holder_leaves_no_claim(held):
    path, process = held
    process.kill()
    process.wait()
    assert os.path.exists(path)  # the number still stands there, and means nothing
    assert holder(path) is None
    mine = PidFile(path)
    mine.acquire()
    assert holder(path) == os.getpid()
    mine.release()
    assert holder(path) is None
    assert not os.path.exists(path)


def test_somebody_elses_pid_in_the_file_is_not_a_holder(tmp_path):
    path = tmp_path / "agent.pid"
    path.write_text("1\n")
    assert holder(str(path)) is None


def test_waiting_for_the_end(held):
    path, process = held
    assert wait_until_free(path, 0.1) is False
    process.kill()
    process.wait()
    assert wait_until_free(path, 5) is True


def test_a_look_does_not_keep_the_owner_from_starting(tmp_path):
    import fcntl

    path = str(tmp_path / "agent.pid")
    lock = os.open(path + ".lock", os.O_CREAT | os.O_RDONLY, 0o644)
    fcntl.flock(lock, fcntl.LOCK_SH)
    with pytest.raises(AlreadyRunning):
        PidFile(path).acquire(wait=0.1)
    os.close(lock)
    mine = PidFile(path)
    mine.acquire(wait=0.1)
    mine.release()
