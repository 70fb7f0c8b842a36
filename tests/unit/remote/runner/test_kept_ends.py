"""How the programs of a kept child end: with their task, and never with another one."""

import contextlib
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.transport import frames

Start = Callable[..., Any]

RUNS = """
import os
from stella_ops.remote.lib import process
ARGUMENTS = {"line": {"type": "str"}}
def run(task):
    outcome = process.run(task.args["line"], shell=True)
    return {"pid": os.getpid(), "rc": outcome.rc, "stdout": outcome.stdout}
"""
# The lines write down the ids of the shell, and of what it has started.
PLAIN = "sleep 300 & echo $$ > {0}; echo $! >> {0}; wait"
STUBBORN = "trap '' TERM HUP INT; {{ while :; do sleep 0.05; done; }} & echo $$ > {0}; echo $! >> {0}; wait; wait"
DAEMON = "sleep 300 >/dev/null 2>&1 & echo $!"


@pytest.fixture
def daemon(kept: Any) -> Any:
    """A process that an earlier task of the same child has left, and was to leave."""
    pid = int(kept.call(RUNS, {"line": DAEMON}, keep=True)["stdout"])
    yield pid
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("how", ["timeout", "cancel", "kill", "crash"])
@pytest.mark.parametrize("line", [PLAIN, STUBBORN], ids=["plain", "stubborn"])
def test_a_task_takes_its_program_along(
    kept: Any, watch: Any, tmp_path: Path, daemon: int, line: str, how: str
) -> None:
    child = kept.call(RUNS, {"line": "true"}, keep=True)["pid"]
    task = kept.start(RUNS, {"line": line.format(tmp_path / "pids")}, keep=True, timeout=2 * (how == "timeout"))
    pids = watch.pids(tmp_path / "pids", 2)
    if how == "cancel":
        kept.write(frames.encode(frames.CANCEL, task, b""))
    elif how in ("kill", "crash"):
        watch.until(lambda: armed(child) == 2)
        os.kill(child, signal.SIGKILL if how == "kill" else signal.SIGSEGV)
    kind, answered, crash = kept.next_frame()
    assert (kind, answered) == (frames.CRASH, task)
    assert crash["reason"] == {"timeout": "timeout", "cancel": "cancelled"}.get(how, "died")
    watch.gone(child, *pids)
    assert kept.call(RUNS, {"line": "echo fine"}, keep=True)["stdout"] == "fine\n"
    assert watch.alive(daemon)


def armed(child: int) -> int:
    """How many lifelines of a child are armed: once its program is under way, both."""
    flags = [re.search(r"flags:\s+(\d+)", path.read_text()) for path in Path(f"/proc/{child}/fdinfo").iterdir()]
    return sum(bool(int(found[1], 8) & os.O_ASYNC) for found in flags if found)


def test_a_program_is_given_time_to_end(start_runner: Start, ends: Path, watch: Any, tmp_path: Path) -> None:
    runner = start_runner(ends, lambda text: text.replace("GRACE_SECONDS = 2.0", "GRACE_SECONDS = 20.0"))
    runner.hello()
    # A shell complains of a child that was killed, and who would read that is no more.
    tidy = f"exec 2>/dev/null; trap 'sleep 0.2; echo tidy > {tmp_path}/done; exit' TERM; echo $$ > {tmp_path}/pids; "
    task = runner.start(RUNS, {"line": tidy + "while :; do sleep 0.05; done"}, keep=True)
    pids = watch.pids(tmp_path / "pids")
    runner.write(frames.encode(frames.CANCEL, task, b""))
    assert runner.next_frame()[2]["reason"] == "cancelled"
    watch.gone(*pids)
    assert (tmp_path / "done").read_text() == "tidy\n"


@pytest.mark.parametrize("line", [PLAIN, STUBBORN], ids=["plain", "stubborn"])
def test_the_end_of_input_ends_the_program(kept: Any, watch: Any, tmp_path: Path, daemon: int, line: str) -> None:
    kept.start(RUNS, {"line": line.format(tmp_path / "pids")}, keep=True)
    pids = watch.pids(tmp_path / "pids", 2)
    assert kept.end() == 88
    watch.gone(*pids)
    assert watch.alive(daemon)


def test_an_idle_child_is_not_waited_for(start_runner: Start, ends: Path, watch: Any) -> None:
    runner = start_runner(
        ends, lambda text: text.replace("select.select([], [], [], 0.02)", "sys.stderr.write('wait')")
    )
    runner.hello()
    child = runner.call(RUNS, {"line": "true"}, keep=True)["pid"]
    assert runner.end() == 88
    watch.gone(child)
    assert runner.complaint() == ""


@pytest.mark.parametrize("line", [PLAIN, STUBBORN], ids=["plain", "stubborn"])
def test_a_killed_runner_takes_the_program_along(kept: Any, watch: Any, tmp_path: Path, daemon: int, line: str) -> None:
    kept.start(RUNS, {"line": line.format(tmp_path / "pids")}, keep=True)
    pids = watch.pids(tmp_path / "pids", 2)
    os.kill(kept.pid, signal.SIGKILL)
    watch.gone(*pids)
    assert watch.alive(daemon)


def test_a_killed_runner_takes_an_idle_child_along(kept: Any, watch: Any, daemon: int) -> None:
    child = kept.call(RUNS, {"line": "true"}, keep=True)["pid"]
    os.kill(kept.pid, signal.SIGKILL)
    watch.gone(child)
    assert watch.alive(daemon)


# Between its start and its lifeline: the runner is killed, or told to end the task, just then.
STARTS = """
import os, time
from stella_ops.remote.lib import process
ARGUMENTS = {"path": {"type": "str"}, "do": {"type": "str"}}
def run(task):
    started = process.guard.started
    def later(pid):
        with open(task.args["path"], "w") as out:
            out.write("%d\\n%d\\n" % (os.getpid(), pid))
        exec(task.args["do"])
        started(pid)
    process.guard.started = later
    try:
        process.run(["sleep", "300"])
    finally:
        del process.guard.started
    return {}
"""


def test_a_program_that_is_just_being_started_has_no_time_to_slip_away(kept: Any, watch: Any, tmp_path: Path) -> None:
    task = kept.start(STARTS, {"path": str(tmp_path / "pids"), "do": "time.sleep(300)"}, keep=True)
    pids = watch.pids(tmp_path / "pids", 2)
    kept.write(frames.encode(frames.CANCEL, task, b""))
    assert kept.next_frame()[2]["reason"] == "cancelled"
    watch.gone(*pids)


def test_nor_has_one_that_a_thread_starts(kept: Any, watch: Any, tmp_path: Path) -> None:
    source = STARTS.replace(
        'process.run(["sleep", "300"])',
        'one = threading.Thread(target=process.run, args=(["sleep", "300"],)); one.start(); one.join()',
    ).replace("import os, time", "import os, threading, time")
    task = kept.start(source, {"path": str(tmp_path / "pids"), "do": "time.sleep(300)"}, keep=True)
    pids = watch.pids(tmp_path / "pids", 2)
    kept.write(frames.encode(frames.CANCEL, task, b""))
    assert kept.next_frame()[2]["reason"] == "cancelled"
    watch.gone(*pids)


def test_nor_where_the_runner_is_killed_just_then(kept: Any, watch: Any, tmp_path: Path) -> None:
    do = "runner = os.getppid(); os.kill(runner, 9)\nwhile os.getppid() == runner: time.sleep(0.01)"
    kept.start(STARTS, {"path": str(tmp_path / "pids"), "do": do}, keep=True)
    pids = watch.pids(tmp_path / "pids", 2)
    kept.process.wait(10)
    watch.gone(*pids)


def test_a_group_that_has_nobody_left_is_nobodys(start_runner: Start, ends: Path) -> None:
    """The child crashes when its program has ended and has not been accounted for: nobody else is hit."""
    # To signal group 0 is to signal one's own, which had better not be ours.
    kept = start_runner(ends, start_new_session=True)
    kept.hello()
    source = (
        "import os, subprocess\nfrom stella_ops.remote.lib import process\nARGUMENTS = {}\ndef run(task):\n"
        "    program = subprocess.Popen(['true'], start_new_session=True)\n"
        "    process.guard.starting()\n    process.guard.started(program.pid)\n    program.wait()\n    os._exit(3)"
    )
    assert kept.call(source, keep=True)["status"] == 3
    assert kept.call(RUNS, {"line": "echo fine"}, keep=True)["stdout"] == "fine\n"


def test_a_task_that_is_cancelled_at_once_does_not_begin(start_runner: Start, ends: Path, tmp_path: Path) -> None:
    """A child that has not yet put off the runner's ways of ending hears of it all the same."""

    def slow(text: str) -> str:
        fresh = "        processes.default_signals()\n        signal.pthread"
        assert "def _live(" not in text or fresh in text
        return text.replace(fresh, "        time.sleep(0.5)\n" + fresh).replace(
            "GRACE_SECONDS = 2.0", "GRACE_SECONDS = 20.0"
        )

    runner = start_runner(ends, slow)
    runner.hello()
    for keep in (False, True):
        task = runner.start(RUNS, {"line": f"touch {tmp_path}/begun"}, keep=keep)
        runner.write(frames.encode(frames.CANCEL, task, b""))
        crash = runner.next_frame()[2]
        assert (crash["reason"], crash["signal"]) == ("cancelled", signal.SIGTERM)
    assert not (tmp_path / "begun").exists()


def test_a_program_that_cannot_be_started_leaves_the_watch_in_order(kept: Any, watch: Any, tmp_path: Path) -> None:
    source = (
        "import os\nfrom stella_ops.remote.lib import process\nARGUMENTS = {}\ndef run(task):\n"
        "    try:\n        process.run(['/no/such/program'])\n    except OSError:\n"
        "        return {'pid': os.getpid()}"
    )
    child = kept.call(source, keep=True)["pid"]
    assert kept.call(RUNS, {"line": "true"}, keep=True)["rc"] == 0
    kept.start(RUNS, {"line": PLAIN.format(tmp_path / "pids")}, keep=True)
    pids = watch.pids(tmp_path / "pids", 2)
    os.kill(kept.pid, signal.SIGKILL)
    watch.gone(child, *pids)
