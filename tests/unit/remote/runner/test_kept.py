"""A child that is kept for several tasks: what it puts back between them, and when it has to go."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.transport import frames
from stella_ops.transport.code import CodeLibrary

Start = Callable[..., Any]

# Does what it is told, and tells where it is.
DOES = """
import os, sys
from stella_ops.remote.lib import process
ARGUMENTS = {"do": {"type": "str", "default": ""}, "give": {"type": "str", "default": "None"}}
def run(task):
    names = {"task": task, "os": os, "sys": sys, "process": process}
    exec(task.args["do"], names)
    return {"pid": os.getpid(), "given": eval(task.args["give"], names)}
"""
RUNS = """
import os
from stella_ops.remote.lib import process
ARGUMENTS = {"argv": {"type": "list"}}
def run(task):
    outcome = process.run(task.args["argv"])
    return {"pid": os.getpid(), "rc": outcome.rc, "stdout": outcome.stdout}
"""
ECHO = "ARGUMENTS = {'value': {'type': 'raw'}}\ndef run(task):\n    return {'value': task.args['value']}"


def does(runner: Any, do: str = "", give: str = "None") -> dict[str, Any]:
    found: dict[str, Any] = runner.call(DOES, {"do": do, "give": give}, keep=True)
    return found


def test_one_child_serves_one_task_after_another(runner: Any) -> None:
    first = does(runner)["pid"]
    assert first != runner.pid
    assert runner.call(RUNS, {"argv": ["echo", "hello"]}, keep=True) == {
        "pid": first,
        "rc": 0,
        "stdout": "hello\n",
        "changed": False,
        "failed": False,
    }
    assert does(runner, "raise ValueError('no')")["failed"] is True
    assert does(runner, "raise SystemExit(3)")["failed"] is True
    assert runner.call(ECHO, {"value": "ä" * 100000}, keep=True)["value"] == "ä" * 100000
    assert does(runner)["pid"] == first


def test_other_modules_never_share_a_process(runner: Any) -> None:
    kept = does(runner)["pid"]
    pids = [runner.call(DOES)["pid"] for _ in range(3)]
    assert len({kept, *pids}) == 4
    assert runner.call(DOES, {"give": "os.environ.get('A')"}, keep=True, environment={"A": "b"})["given"] == "b"
    assert does(runner, give="os.environ.get('A')") == {"pid": kept, "given": None, "changed": False, "failed": False}


def test_content_that_streams_is_for_a_child_of_its_own(kept: Any) -> None:
    first = does(kept)["pid"]
    task = kept.start(DOES, {"give": "task.content.read().decode()"}, content=True, keep=True)
    kept.write(frames.encode(frames.DATA, task, b"streamed") + frames.encode(frames.DATA, task, b""))
    answer = kept.next_frame()[2]
    assert answer["given"] == "streamed"
    assert answer["pid"] != first
    assert does(kept)["pid"] == first


LEFT = {
    "a thread": "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "a process": "import subprocess; subprocess.Popen(['sleep', '60'])",
    "an ended process": "import subprocess; subprocess.call(['true'])",
    "an ended process, and a guarded one after it": (
        "import subprocess; subprocess.call(['true']); process.run(['true'])"
    ),
    "a program beside another": (
        "import threading\n"
        "both = [threading.Thread(target=process.run, args=(['sleep', '0.3'],)) for _ in 'ab']\n"
        "for one in both: one.start()\nfor one in both: one.join()"
    ),
    "a fork": "import time\nif not os.fork():\n    time.sleep(60)\n    os._exit(0)",
    "a descriptor": "os.open('/dev/null', 0)",
    "a closed descriptor": "os.close(0)",
    "another standard output": "null = os.open('/dev/null', 1); os.dup2(null, 1); os.dup2(null, 2); os.close(null)",
    "standard output closed": "print('x'); sys.stdout.close()",
    "standard output closed below": "print('x' * 300000); print('x'); os.close(1)",
    "standard output replaced": "import io; sys.stdout = io.StringIO()",
    "standard output gone": "sys.stdout = None",
    "its lifeline closed": (
        "import fcntl\nfor fd in range(3, 16):\n"
        "    if os.path.exists('/proc/self/fd/%d' % fd) and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ASYNC:\n"
        "        os.close(fd)"
    ),
    "a signal handler": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "a signal that is blocked": "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
    "an alarm": "import signal; signal.alarm(60)",
    "a timer": "import signal; signal.setitimer(signal.ITIMER_VIRTUAL, 60)",
    "a limit": "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
    "its priority": "os.nice(1)",
    "a search path": "sys.path.insert(0, '/nowhere')",
    "a finder": "sys.meta_path.append(object())",
    "the recursion limit": "sys.setrecursionlimit(5000)",
    "a trace function": "sys.settrace(lambda *args: None)",
    "no garbage collection": "import gc; gc.disable()",
    "a timeout for sockets": "import socket; socket.setdefaulttimeout(5)",
    "a locale": "import locale; locale.setlocale(locale.LC_ALL, 'C' if locale.setlocale(locale.LC_ALL) != 'C' else '')",
    "another environ": "os.environ = dict(os.environ)",
}
ROOTS_OWN = {
    "another group": "os.setegid(65534)",
    "another user": "os.setresuid(65534, 65534, 0)",
    "other groups": "os.setgroups([12345])",
    "another root": "os.chroot('/proc')",
}


@pytest.mark.parametrize("do", [*LEFT.values(), *ROOTS_OWN.values()], ids=[*LEFT, *ROOTS_OWN])
def test_a_child_goes_after_a_task_that_has_left_something_behind(kept: Any, do: str) -> None:
    if do in ROOTS_OWN.values() and os.geteuid() != 0:
        pytest.skip("left out: only root has other ids to change to")
    first = does(kept)["pid"]
    answer = does(kept, do)
    assert answer["pid"] == first
    if do == LEFT["a locale"] and kept.call(DOES, {"give": "__import__('locale').setlocale(6)"})["given"] == "C":
        pytest.skip("this machine has no other locale")
    second = does(kept)
    assert second["failed"] is False
    assert second["pid"] != first
    assert does(kept)["pid"] == second["pid"]


PUT_BACK = {
    "a folder": ("os.chdir('/proc')", "os.getcwd()"),
    "a folder that is gone": ("import tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)", "os.getcwd()"),
    "a umask": ("os.umask(0)", "os.umask(0)"),
    "a variable": ("os.environ['STELLA_TEST'] = 'x'", "os.environ.get('STELLA_TEST')"),
    "a variable that is no text": ("os.environb[b'STELLA_TEST'] = b'\\xff'", "sorted(os.environ)"),
    "another home": ("os.environ['HOME'] = '/proc'", "[os.environ.get('HOME'), os.getcwd()]"),
    "no variables": ("os.environ.clear()", "[sorted(os.environ.items()), os.getcwd()]"),
    "a time zone": (
        "import time; os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()",
        "[__import__('time').tzname, os.environ.get('TZ')]",
    ),
    "what programs see": (
        "os.environ['STELLA_TEST'] = 'x'",
        "process.run('echo $STELLA_TEST', shell=True).stdout",
    ),
}


@pytest.mark.parametrize(("do", "give"), PUT_BACK.values(), ids=PUT_BACK.keys())
def test_what_can_be_put_back_is(kept: Any, do: str, give: str) -> None:
    before = does(kept, give=give)
    does(kept, do)
    assert does(kept, give=give) == before


def test_the_end_of_a_kept_child_is_told_and_the_next_task_has_another(runner: Any) -> None:
    for do, number, status in (("os._exit(7)", None, 7), ("os.kill(os.getpid(), 9)", 9, None), ("os.abort()", 6, None)):
        first = does(runner)["pid"]
        crash = does(runner, f"os.write(2, b'last words'); {do}")
        assert (crash["kind"], crash["reason"]) == (frames.CRASH, "died")
        assert (crash["signal"], crash["status"], crash["noise"]) == (number, status, "last words")
        assert does(runner)["pid"] != first


def test_an_idle_child_that_is_killed_takes_no_task_with_it(kept: Any, watch: Any) -> None:
    first = does(kept)["pid"]
    # The runner is kept from noticing: it finds the news and the next task at the same time.
    os.kill(kept.pid, 19)
    os.kill(first, 9)
    watch.gone(first)
    task = kept.start(DOES, keep=True)
    os.kill(kept.pid, 18)
    kind, answered, payload = kept.next_frame()
    assert (kind, answered) == (frames.RESULT, task)
    assert payload["pid"] != first


def test_what_a_task_had_left_to_say_is_not_the_next_ones(kept: Any) -> None:
    does(kept, "os.write(2, b'early words')")
    crash = does(kept, "os._exit(1)")
    assert crash["noise"] == ""


def test_code_that_cannot_be_loaded_leaves_the_child_where_it_is(kept: Any) -> None:
    first = does(kept)["pid"]
    crash = kept.call(DOES, module="no.such@1", keep=True)
    assert (crash["kind"], crash["reason"]) == (frames.CRASH, "load")
    crash = kept.call(DOES, libs=["stella_ops.remote.lib.no_such"], keep=True)
    assert "no_such" in crash["noise"]
    assert does(kept)["pid"] == first


def test_two_tasks_at_a_time_have_two_children(runner: Any, tmp_path: Path, watch: Any) -> None:
    wait = f"import time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)"
    slow = runner.start(DOES, {"do": wait}, keep=True)
    others = [does(runner)["pid"] for _ in range(2)]
    (tmp_path / "go").write_text("")
    kind, task, payload = runner.next_frame()
    assert (kind, task) == (frames.RESULT, slow)
    assert len({payload["pid"], *others}) == 3
    assert does(runner)["pid"] == payload["pid"]


def test_an_answer_beside_the_answer_does_not_become_the_next_ones(kept: Any) -> None:
    """A module that writes into every pipe that it finds."""
    lie = "head = b'\\0\\0\\0\\2\\0{}'\nfor fd in range(3, 16):\n    try:\n        os.write(fd, head + b'more')\n"
    assert does(kept, lie + "    except OSError:\n        pass") == {}
    assert kept.call(ECHO, {"value": 1}, keep=True)["value"] == 1


def test_a_long_order_and_a_long_answer(kept: Any) -> None:
    # More than pipes hold, and in all less than the runner's HIGH_WATER: this test reads only after it has written.
    value = "x" * (1 << 20)
    first = does(kept)["pid"]
    tasks = [kept.start(ECHO, {"value": value}, keep=True) for _ in range(3)]
    answers = {task: payload["value"] for _, task, payload in (kept.next_frame() for _ in tasks)}
    assert answers == dict.fromkeys(tasks, value)
    assert kept.call(ECHO, {"value": value}, keep=True)["value"] == value
    assert does(kept)["pid"] == first


def test_our_own_modules_leave_nothing_behind(kept: Any, tmp_path: Path, watch: Any) -> None:
    """So each of them really saves the next one a fork."""
    first = does_own(kept, "ping", {})
    for name, args in (
        ("file", {"path": str(tmp_path / "d"), "state": "directory"}),
        ("stat", {"path": str(tmp_path / "d")}),
        ("command", {"cmd": "true", "chdir": "/proc"}),
        ("shell", {"cmd": "true; exit 0"}),
        ("setup", {}),
        ("wait_for", {"path": str(tmp_path)}),
    ):
        assert does_own(kept, name, args) == first, name


def does_own(runner: Any, name: str, args: dict[str, Any]) -> list[str]:
    """Runs a built-in module; the children that the runner has then."""
    module = CodeLibrary().module(name)
    assert module.builtin
    packed = b"".join(frames.encode(frames.CODE, 0, unit.packed) for unit in (*module.libs, module.unit))
    runner.write(packed)
    answer = runner.call(
        DOES_NOTHING, args, module=module.unit.key, libs=module.lib_names, later=module.later_names, keep=True
    )
    assert not answer.get("failed"), answer
    assert "kind" not in answer, answer
    children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children").read_text().split()
    assert len(children) == 1
    return children


DOES_NOTHING = "ARGUMENTS = {}\ndef run(task):\n    return {}"


def test_hundreds_of_tasks_leave_no_trace(start_runner: Start, interpreters: list[Path], watch: Any) -> None:
    runner = start_runner(interpreters[-1])
    runner.hello()

    def some(count: int) -> None:
        for number in range(count):
            assert runner.call(ECHO, {"value": number}, keep=True)["value"] == number
        for number in range(count // 10):
            runner.call(RUNS, {"argv": ["true"]}, keep=True)
            runner.call(ECHO, {"value": number}, keep=True, inline=b"x" * 1000)
        does(runner, "os._exit(1)")

    def state() -> tuple[int, int]:
        children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children")
        watch.until(lambda: len(children.read_text().split()) == 1)
        return len(os.listdir(f"/proc/{runner.pid}/fd")), memory(runner.pid)

    does(runner)
    some(50)
    does(runner)
    fds, size = state()
    for _ in range(6):
        some(50)
    does(runner)
    assert state()[0] == fds
    assert state()[1] < size + 512


def memory(pid: int) -> int:
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])
