"""The remote runner, under every interpreter there is."""

import array
import contextlib
import fcntl
import os
import re
import signal
import sys
import termios
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stella_ops.transport import frames

Start = Callable[..., Any]

ECHO = """
ARGUMENTS = {"value": {"type": "raw"}}
def run(task):
    return {"value": task.args["value"], "content": task.content and task.content.read().decode()}
"""
# Marks itself, starts a child of its own, then waits.
SLEEPER = """
import os, subprocess, time
ARGUMENTS = {"path": {"type": "path"}, "argv": {"type": "list"}}
def run(task):
    child = subprocess.Popen(task.args["argv"] or ["sleep", "300"])
    with open(task.args["path"] + ".new", "w") as out:
        out.write("%d %d" % (os.getpid(), child.pid))
    os.rename(task.args["path"] + ".new", task.args["path"])
    time.sleep(300)
    return {}
"""
STUBBORN = ["sh", "-c", "trap '' TERM HUP INT; while :; do sleep 0.05; done"]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def wait_until(true: Callable[[], Any], timeout: float = 15) -> Any:
    deadline = time.monotonic() + timeout
    while not (found := true()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


def pids_in(path: Path) -> list[int]:
    """The process ids that a module wrote down, once it has."""
    text = wait_until(lambda: path.exists() and path.read_text())
    return [int(word) for word in text.split()]


def all_gone(pids: list[int]) -> None:
    wait_until(lambda: not any(alive(pid) for pid in pids))


def test_hello_tells_what_costs_nothing(start_runner: Start, interpreter: Path) -> None:
    said = start_runner(interpreter).hello()
    assert said["protocol"] == 1
    assert said["uid"] == os.geteuid()
    assert said["home"] == os.path.expanduser("~")
    assert re.fullmatch(r"3\.\d+\.\d+", said["python"])
    assert abs(said["time"] - time.time()) < 60


def test_a_module_gets_arguments_and_content_and_answers(runner: Any) -> None:
    assert runner.call(ECHO, {"value": {"ä": [1, None, "\u2028"]}})["value"] == {"ä": [1, None, "\u2028"]}
    task = runner.start(ECHO, {"value": 1}, content=True)
    runner.write(frames.encode(frames.DATA, task, b"one ") + frames.encode(frames.DATA, task, b"two"))
    runner.write(frames.encode(frames.DATA, task, b""))
    assert runner.next_frame()[2]["content"] == "one two"


def test_tasks_overlap_and_answer_as_they_end(runner: Any) -> None:
    slow = runner.start("import time\nARGUMENTS = {}\ndef run(task):\n    time.sleep(0.7)\n    return {'is': 'slow'}")
    fast = [runner.start(ECHO, {"value": number}) for number in range(5)]
    answers = [runner.next_frame() for _ in range(6)]
    assert sorted(task for _, task, _ in answers[:5]) == fast
    assert answers[5][1:] == (slow, {"is": "slow", "changed": False, "failed": False})


def test_what_a_module_prints_and_closes_spoils_nothing(runner: Any) -> None:
    noisy = "import os, sys\nARGUMENTS = {}\ndef run(task):\n    print('x' * 300000)\n    os.write(1, b'junk')\n"
    noisy += "    sys.stderr.write('junk')\n    os.close(1)\n    os.close(2)\n    return {'fine': True}"
    assert runner.call(noisy)["fine"] is True
    assert runner.call("import sys\nARGUMENTS = {}\ndef run(task):\n    return {'in': sys.stdin.read()}")["in"] == ""
    assert runner.call(ECHO, {"value": 2})["value"] == 2


def test_a_module_that_closes_everything_is_a_crash_of_its_own(runner: Any) -> None:
    closes = "import os\nARGUMENTS = {}\ndef run(task):\n    os.closerange(3, 512)\n    return {}"
    crash = runner.call(closes)
    assert (crash["kind"], crash["reason"], crash["status"]) == (frames.CRASH, "died", 1)
    assert "Bad file descriptor" in crash["noise"]
    stays = closes.replace("return {}", "import time; time.sleep(60)")
    assert runner.call(stays)["reason"] == "closed"
    assert runner.call(ECHO, {"value": 3})["value"] == 3


@pytest.mark.parametrize(
    ("body", "number", "status"),
    [
        ("os.kill(os.getpid(), 9)", 9, None),
        ("os.kill(os.getpid(), 11)", 11, None),
        ("os._exit(7)", None, 7),
        ("os.abort()", 6, None),
    ],
)
def test_a_crash_is_told_with_its_cause(runner: Any, body: str, number: int | None, status: int | None) -> None:
    crash = runner.call(f"import os\nARGUMENTS = {{}}\ndef run(task):\n    os.write(2, b'last words')\n    {body}")
    assert crash["kind"] == frames.CRASH
    assert (crash["signal"], crash["status"]) == (number, status)
    assert crash["noise"] == "last words"


def test_running_out_of_memory_is_a_failure_not_the_end(runner: Any) -> None:
    source = (
        "import resource\nARGUMENTS = {}\ndef run(task):\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (200000000, 200000000))\n"
        "    return {'data': 'x' * 1000000000}"
    )
    result = runner.call(source)
    assert result["failed"] is True
    assert "MemoryError" in result["msg"]
    assert runner.call(ECHO, {"value": 4})["value"] == 4


def test_code_that_cannot_be_loaded_is_told(runner: Any) -> None:
    crash = runner.call("import no_such_thing_at_all\nARGUMENTS = {}\ndef run(task):\n    return {}")
    # A module's own imports run in its child; a library's, in the runner.
    assert "no_such_thing_at_all" in str(crash)
    runner.write(frames.encode(frames.CODE, 0, b"broken@1\n" + bytes(8) + zlib.compress(b"def (")))
    crash = runner.call(ECHO, module="broken@1")
    assert (crash["kind"], crash["reason"]) == (frames.CRASH, "load")
    assert "SyntaxError" in crash["noise"]
    assert runner.call(ECHO, {"value": 5})["value"] == 5


def test_library_packages_come_from_memory(runner: Any) -> None:
    source = (
        "from stella_ops.remote.lib.facts import collect\nfrom stella_ops.remote import lib\n"
        "ARGUMENTS = {}\ndef run(task):\n    return {'from': collect.__spec__.origin, 'facts': lib.facts.__name__}"
    )
    # First a part of the package alone, so that the rest arrives when it is imported already.
    assert runner.call("import stella_ops.remote.lib.facts\nARGUMENTS = {}\ndef run(task):\n    return {}") == {
        "changed": False,
        "failed": False,
    }
    result = runner.call(source)
    assert result["from"] == "stella:stella_ops.remote.lib.facts.collect"


def test_the_environment_is_the_tasks_own(runner: Any) -> None:
    reads = "import os\nARGUMENTS = {}\ndef run(task):\n    return {'is': os.environ.get('STELLA_TEST')}"
    assert runner.call(reads, environment={"STELLA_TEST": "yes"})["is"] == "yes"
    assert runner.call(reads)["is"] is None


def test_modules_start_at_home(start_runner: Start, interpreter: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    runner = start_runner(interpreter, cwd="/", env={"HOME": str(home)})
    runner.hello()
    asks = "import os\nARGUMENTS = {}\ndef run(task):\n    return {'cwd': os.getcwd()}"
    assert runner.call(asks)["cwd"] == str(home)


def test_a_timeout_kills_the_task_with_all_it_started(runner: Any, tmp_path: Path) -> None:
    began = time.monotonic()
    crash = runner.call(SLEEPER, {"path": str(tmp_path / "pids")}, timeout=0.5)
    assert (crash["reason"], crash["timeout"]) == ("timeout", 0.5)
    assert time.monotonic() - began < 5
    all_gone(pids_in(tmp_path / "pids"))
    assert runner.call(ECHO, {"value": 6})["value"] == 6


def test_a_stubborn_child_is_killed_by_force(runner: Any, tmp_path: Path) -> None:
    stubborn = [
        *STUBBORN[:2],
        f"{STUBBORN[2].partition(';')[0]}; echo > {tmp_path}/ready; {STUBBORN[2].partition(';')[2]}",
    ]
    task = runner.start(SLEEPER, {"path": str(tmp_path / "pids"), "argv": stubborn})
    pids = pids_in(tmp_path / "pids")
    wait_until((tmp_path / "ready").exists)
    runner.write(frames.encode(frames.CANCEL, task, b""))
    assert runner.next_frame()[2]["reason"] == "cancelled"
    assert alive(pids[1])  # it is given time first
    all_gone(pids)


def test_a_child_may_end_its_work_when_asked(start_runner: Start, interpreter: Path, tmp_path: Path) -> None:
    runner = start_runner(interpreter, lambda text: text.replace("GRACE_SECONDS = 2.0", "GRACE_SECONDS = 20.0"))
    runner.hello()
    begin = f"trap 'sleep 0.4; echo tidy > {tmp_path}/done; exit' TERM; echo > {tmp_path}/ready"
    tidy = ["sh", "-c", f"{begin}; while :; do sleep 0.05; done"]
    task = runner.start(SLEEPER, {"path": str(tmp_path / "pids"), "argv": tidy})
    pids = pids_in(tmp_path / "pids")
    wait_until((tmp_path / "ready").exists)
    runner.write(frames.encode(frames.CANCEL, task, b""))
    all_gone(pids)
    assert (tmp_path / "done").read_text() == "tidy\n"


@pytest.mark.parametrize("argv", [None, STUBBORN], ids=["plain", "stubborn"])
def test_the_end_of_input_leaves_nothing(runner: Any, tmp_path: Path, argv: list[str] | None) -> None:
    runner.start(SLEEPER, {"path": str(tmp_path / "pids"), "argv": argv})
    pids = pids_in(tmp_path / "pids")
    assert runner.end() == 88
    all_gone(pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_killed_runner_leaves_nothing(runner: Any, tmp_path: Path, number: int) -> None:
    if number == signal.SIGKILL and not sys.platform.startswith("linux"):
        pytest.skip("left out: only Linux has the signal that this needs")
    runner.start(SLEEPER, {"path": str(tmp_path / "pids"), "argv": STUBBORN if number != 9 else None})
    pids = pids_in(tmp_path / "pids")
    os.kill(runner.pid, number)
    runner.process.wait(10)
    all_gone(pids)


@pytest.mark.parametrize("how", ["subprocess", "fork", "double fork"])
def test_daemons_outlive_a_good_end(runner: Any, tmp_path: Path, how: str) -> None:
    path = tmp_path / "pid"
    begin = {
        "subprocess": "    child = subprocess.Popen(['sleep', '60'])\n    pid = child.pid\n",
        "fork": "    pid = os.fork()\n    if not pid:\n        time.sleep(60)\n        os._exit(0)\n",
        "double fork": (
            "    middle = os.fork()\n    if not middle:\n        os.setsid()\n        pid = os.fork()\n"
            "        if not pid:\n            time.sleep(60)\n        os._exit(0)\n"
            "    os.waitpid(middle, 0)\n    pid = 0\n"
        ),
    }[how]
    source = f"import os, subprocess, time\nARGUMENTS = {{}}\ndef run(task):\n{begin}    return {{'pid': pid}}"
    if how == "double fork":
        source = source.replace("time.sleep(60)", f"open({str(path)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    pid = runner.call(source)["pid"] or wait_until(lambda: path.exists() and path.read_text())
    try:
        assert runner.end() == 88
        time.sleep(0.2)
        assert alive(int(pid))
    finally:
        with contextlib.suppress(OSError):
            os.kill(int(pid), signal.SIGKILL)


def test_what_a_crashed_module_started_does_not_go_on(runner: Any, tmp_path: Path) -> None:
    runner.start(SLEEPER, {"path": str(tmp_path / "pids")})
    pids = pids_in(tmp_path / "pids")
    os.kill(pids[0], signal.SIGKILL)
    assert runner.next_frame()[2]["signal"] == 9
    all_gone(pids)


class Clock:
    """A runner's clock that goes as it is told: what this machine's load holds up does not count."""

    TURN = "return max(0, min(ends) - now) * 1000 + 1"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.looks = path.with_suffix(".looks")
        self.seconds = 0
        path.touch()

    def edit(self, text: str) -> str:
        """For ``start_runner``. The runner looks at its clocks every few milliseconds."""
        if self.TURN not in text:
            return text
        told = (
            "import time\ndef told():\n"
            f"    with open({str(self.looks)!r}, 'ab') as looks:\n        looks.write(b'.')\n"
            f"    return float(os.stat({str(self.path)!r}).st_size)\n"
            "time.monotonic = told\n"
        )
        assert text.count("\nimport time\n") == 1
        return text.replace("import time\n", told).replace(self.TURN, "return 5")

    def advance(self, seconds: int) -> None:
        self.seconds += seconds
        os.truncate(self.path, self.seconds)

    def be_seen(self) -> None:
        """Wait until the runner has gone by the present time for some turns of its loop, of three looks at most."""
        enough = self.looks.stat().st_size + 15
        wait_until(lambda: self.looks.stat().st_size > enough)


def unread(runner: Any) -> int:
    """How many bytes the runner has not read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(runner.stdin.fileno(), termios.FIONREAD, count)
    return count[0]


def test_a_silent_controller_counts_as_gone(start_runner: Start, interpreter: Path, tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    runner = start_runner(interpreter, clock.edit)
    runner.hello()
    runner.start(SLEEPER, {"path": str(tmp_path / "pids")})
    pids = pids_in(tmp_path / "pids")
    for _ in range(5):
        clock.advance(500)
        runner.write(frames.encode(frames.ALIVE, 0, b""))
        wait_until(lambda: unread(runner) == 0)
    assert runner.call(ECHO, {"value": 1})["value"] == 1
    assert all(alive(pid) for pid in pids)
    clock.advance(601)
    assert runner.process.wait(30) == 88
    all_gone(pids)


def test_nothing_has_to_stir_for_silence_to_be_noticed(start_runner: Start, interpreter: Path) -> None:
    began = time.monotonic()
    runner = start_runner(interpreter, lambda text: text.replace("IDLE_SECONDS = 600.0", "IDLE_SECONDS = 0.6"))
    assert runner.process.wait(30) == 88
    assert time.monotonic() - began > 0.6


def test_waiting_for_a_slow_module_is_no_silence(start_runner: Start, interpreter: Path, tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    runner = start_runner(
        interpreter, lambda text: clock.edit(text).replace("HIGH_WATER = 4194304", "HIGH_WATER = 1000")
    )
    runner.hello()
    os.mkfifo(tmp_path / "go")
    slow = (
        "ARGUMENTS = {'go': {'type': 'path'}}\ndef run(task):\n    open(task.args['go']).read()\n"
        "    return {'n': len(task.content.read())}"
    )
    task = runner.start(slow, {"go": str(tmp_path / "go")}, content=True)
    data = b"x" * 500000
    content = frames.encode(frames.DATA, task, data) + frames.encode(frames.DATA, task, b"")
    sending = threading.Thread(target=runner.write, args=(content,))
    sending.start()
    with open(tmp_path / "go", "w"):  # the module has come to it
        left = 0
        while not left or left != unread(runner):  # there is more, and it does not take it
            left = unread(runner)
            clock.be_seen()
        for _ in range(3):
            clock.advance(500)
            clock.be_seen()
    assert runner.next_frame()[2]["n"] == len(data)
    sending.join(30)


def test_the_end_of_the_connection_is_seen_while_nothing_is_read(
    start_runner: Start, interpreter: Path, tmp_path: Path
) -> None:
    runner = start_runner(interpreter, lambda text: text.replace("HIGH_WATER = 4194304", "HIGH_WATER = 1000"))
    runner.hello()
    task = runner.start(SLEEPER, {"path": str(tmp_path / "pids")}, content=True)
    pids = pids_in(tmp_path / "pids")
    runner.write(frames.encode(frames.DATA, task, b"x" * 500000))
    assert runner.end() == 88
    all_gone(pids)


@pytest.mark.parametrize("size", [1 << 20, 60 << 20])
def test_long_answers_arrive(runner: Any, size: int) -> None:
    source = "ARGUMENTS = {'n': {'type': 'int'}}\ndef run(task):\n    return {'data': 'x' * task.args['n']}"
    assert len(runner.call(source, {"n": size})["data"]) == size


def test_answers_beyond_the_limit_fail_and_spoil_nothing(runner: Any) -> None:
    source = "ARGUMENTS = {}\ndef run(task):\n    return {'changed': True, 'data': 'x' * (80 << 20)}"
    assert runner.call(source) == {
        "failed": True,
        "changed": True,
        "msg": "the module's answer of 80 MiB is too long: the limit is 64 MiB",
    }
    assert runner.call(ECHO, {"value": 7})["value"] == 7


def test_content_is_held_back_from_a_module_that_takes_its_time(runner: Any) -> None:
    """Memory stays bounded however much is sent; what was sent arrives whole."""
    source = (
        "import hashlib, time\nARGUMENTS = {}\ndef run(task):\n    digest = hashlib.sha256()\n    size = 0\n"
        "    time.sleep(0.5)\n"
        "    while True:\n        data = task.content.read(65536)\n        if not data:\n            break\n"
        "        digest.update(data)\n        size += len(data)\n"
        "    return {'size': size}"
    )
    task = runner.start(source, content=True)
    chunk = frames.encode(frames.DATA, task, os.urandom(1 << 20))
    for _ in range(60):
        runner.write(chunk)
    runner.write(frames.encode(frames.DATA, task, b""))
    assert runner.next_frame()[2]["size"] == 60 << 20
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{runner.pid}/status").read_text())
    assert peak is not None
    assert int(peak[1]) < 60 * 1024, "the runner held most of the content"


def test_content_that_a_module_does_not_want_is_dropped(runner: Any) -> None:
    task = runner.start("ARGUMENTS = {}\ndef run(task):\n    return {'enough': True}", content=True)
    chunk = frames.encode(frames.DATA, task, b"x" * 1000000)
    for _ in range(20):
        runner.write(chunk)
    assert runner.next_frame()[2]["enough"] is True
    assert runner.call(ECHO, {"value": 8})["value"] == 8


def test_no_process_and_no_descriptor_is_left_by_many_tasks(runner: Any) -> None:
    runner.call(ECHO, {"value": 0})
    before = len(os.listdir(f"/proc/{runner.pid}/fd"))
    for number in range(40):
        runner.call(ECHO, {"value": number})
        runner.call("import os\nARGUMENTS = {}\ndef run(task):\n    os._exit(1)")
    wait_until(lambda: not Path(f"/proc/{runner.pid}/task/{runner.pid}/children").read_text().split())
    assert len(os.listdir(f"/proc/{runner.pid}/fd")) == before


def test_a_host_that_can_start_no_process_says_so(start_runner: Start, interpreter: Path) -> None:
    runner = start_runner(interpreter, lambda text: text.replace("pid = os.fork()", "raise OSError(11, 'no room')"))
    runner.hello()
    crash = runner.call(ECHO)
    assert (crash["kind"], crash["reason"]) == (frames.CRASH, "fork")
    assert "no room" in crash["noise"]
    before = len(os.listdir(f"/proc/{runner.pid}/fd"))
    runner.call(ECHO)
    assert len(os.listdir(f"/proc/{runner.pid}/fd")) == before


def test_nonsense_ends_the_runner(start_runner: Start, interpreter: Path) -> None:
    runner = start_runner(interpreter)
    runner.hello()
    runner.write(b"\xff" * 100)
    assert runner.process.wait(10) == 88
    assert "too long" in runner.complaint()


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(cuts=st.lists(st.integers(1, 400), max_size=12), values=st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_frames_may_be_cut_anywhere(start_runner: Start, cuts: list[int], values: list[str]) -> None:
    runner = start_runner(Path(sys.executable))
    runner.hello()
    written: list[bytes] = []
    write, runner.write = runner.write, written.append
    tasks = [runner.start(ECHO, {"value": value}) for value in values]
    data = b"".join(written)
    for size in cuts:
        write(data[:size])
        data = data[size:]
        time.sleep(0.001)
    write(data)
    answers = {task: payload["value"] for _, task, payload in (runner.next_frame() for _ in tasks)}
    assert answers == dict(zip(tasks, values, strict=True))
    assert runner.end() == 88
