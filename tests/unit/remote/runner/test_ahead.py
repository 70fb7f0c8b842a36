"""Tasks that are sent before those ahead of them have ended, and content that goes along with a task."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.transport import frames

Start = Callable[..., Any]

# Writes its name down, and ends in the way it is told to.
NOTES = """
import os, time
ARGUMENTS = {"path": {"type": "str"}, "name": {"type": "str"}, "do": {"type": "str", "default": ""}}
def run(task):
    with open(task.args["path"], "a") as out:
        out.write(task.args["name"])
    exec(task.args["do"])
    return {"name": task.args["name"]}
"""
DIGEST = """
import hashlib
ARGUMENTS = {"first": {"type": "int", "default": -1}}
def run(task):
    if task.content is None:
        return {"size": None}
    data = task.content.read(task.args["first"])
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
"""


class Chain:
    """Tasks that note their names in a file, each after the one before it."""

    def __init__(self, runner: Any, path: Path, keep: bool) -> None:
        self.runner = runner
        self.path = path
        self.keep = keep
        self.names: dict[int, str] = {}

    def send(self, name: str, after: int | None, do: str = "", **request: Any) -> int:
        args = {"path": str(self.path), "name": name, "do": do}
        task: int = self.runner.start(NOTES, args, after=after, **{"keep": self.keep, **request})
        self.names[task] = name
        return task

    def hear(self, count: int) -> list[str]:
        """So many answers, as the task's name and what became of it."""
        heard = []
        for _ in range(count):
            kind, task, payload = self.runner.next_frame()
            end = {frames.RESULT: "failed" if payload.get("failed") else "ok", frames.SKIPPED: "skipped"}
            heard.append(f"{self.names[task]} {end.get(kind) or payload['reason']}")
        return heard

    def ran(self) -> str:
        return self.path.read_text() if self.path.exists() else ""


@pytest.fixture(params=[True, False], ids=["kept", "single"])
def chain(kept: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Chain:
    return Chain(kept, tmp_path / "notes", request.param)


def wait_for(path: Path) -> str:
    """Text of a module that goes on once a file is there."""
    return f"while not os.path.exists({str(path)!r}): time.sleep(0.01)"


def test_each_runs_after_the_one_before_it(runner: Any, tmp_path: Path) -> None:
    chain = Chain(runner, tmp_path / "notes", keep=True)
    last = chain.send("a", None, wait_for(tmp_path / "go"))
    for name in "bcdef":
        last = chain.send(name, last, keep=name != "d")
    assert chain.hear(0) == []
    (tmp_path / "go").write_text("")
    assert chain.hear(6) == [f"{name} ok" for name in "abcdef"]
    assert chain.ran() == "abcdef"


FAILURES = {
    "failed": ("raise ValueError", {}, "failed"),
    "crash": ("os._exit(1)", {}, "died"),
    "killed": ("os.kill(os.getpid(), 9)", {}, "died"),
    "no such code": ("", {"module": "no.such@1"}, "load"),
    "no such library": ("", {"libs": ["stella_ops.remote.lib.no_such"]}, "load"),
    "timeout": ("time.sleep(60)", {"timeout": 0.3}, "timeout"),
}


@pytest.mark.parametrize(("do", "request_", "end"), FAILURES.values(), ids=FAILURES)
def test_none_runs_after_one_that_does_not_go_well(chain: Chain, do: str, request_: dict[str, Any], end: str) -> None:
    first = chain.send("a", None)
    bad = chain.send("b", first, do, **request_)
    last = chain.send("d", chain.send("c", bad))
    chain.send("e", last)
    assert chain.hear(5) == ["a ok", f"b {end}", "c skipped", "d skipped", "e skipped"]
    assert chain.ran() in ("ab", "a")
    # Nor one that is sent afterwards; others do.
    chain.send("f", bad)
    chain.send("g", last)
    assert chain.hear(2) == ["f skipped", "g skipped"]
    chain.send("h", chain.send("g", None))
    assert chain.hear(2) == ["g ok", "h ok"]


def test_a_task_may_be_sent_when_the_one_before_it_has_ended(chain: Chain) -> None:
    first = chain.send("a", None)
    assert chain.hear(1) == ["a ok"]
    chain.send("b", first)
    chain.send("c", first)
    assert sorted(chain.hear(2)) == ["b ok", "c ok"]
    chain.send("d", 4000)
    assert chain.hear(1) == ["d skipped"]
    assert sorted(chain.ran()) == ["a", "b", "c"]


def test_what_ended_long_ago_is_forgotten(start_runner: Start, ends: Path, tmp_path: Path) -> None:
    runner = start_runner(ends, lambda text: text.replace("REMEMBERED = 256", "REMEMBERED = 3"))
    runner.hello()
    chain = Chain(runner, tmp_path / "notes", keep=True)
    first = chain.send("a", None)
    last = first
    for name in "bcd":
        last = chain.send(name, last)
    assert chain.hear(4) == ["a ok", "b ok", "c ok", "d ok"]
    chain.send("e", first)
    chain.send("f", last)
    assert chain.hear(2) == ["e skipped", "f ok"]


def test_many_may_follow_one(chain: Chain, tmp_path: Path) -> None:
    first = chain.send("a", None, wait_for(tmp_path / "go"))
    for name in "bcd":
        chain.send(name, first)
    (tmp_path / "go").write_text("")
    assert sorted(chain.hear(4)) == ["a ok", "b ok", "c ok", "d ok"]


def test_a_waiting_task_that_is_cancelled_takes_its_followers_along(chain: Chain, tmp_path: Path) -> None:
    first = chain.send("a", None, wait_for(tmp_path / "go"))
    second = chain.send("b", first)
    chain.send("d", chain.send("c", second))
    chain.send("e", first)
    chain.runner.write(frames.encode(frames.CANCEL, second, b""))
    assert chain.hear(2) == ["c skipped", "d skipped"]
    (tmp_path / "go").write_text("")
    assert chain.hear(2) == ["a ok", "e ok"]
    assert chain.ran() == "ae"


def test_a_running_task_that_is_cancelled_is_not_followed(chain: Chain, watch: Any) -> None:
    first = chain.send("a", None, "time.sleep(60)")
    chain.send("b", first)
    watch.until(chain.ran)
    chain.runner.write(frames.encode(frames.CANCEL, first, b""))
    assert chain.hear(2) == ["a cancelled", "b skipped"]
    assert chain.ran() == "a"


def test_the_end_of_input_is_the_end_of_the_chain(chain: Chain, tmp_path: Path, watch: Any) -> None:
    chain.send("b", chain.send("a", None, "time.sleep(60)"))
    watch.until(chain.ran)
    assert chain.runner.end() == 88
    assert chain.ran() == "a"


@pytest.mark.parametrize("fails_at", [None, 0, 150])
def test_hundreds_in_a_chain(kept: Any, tmp_path: Path, fails_at: int | None) -> None:
    chain = Chain(kept, tmp_path / "notes", keep=True)
    written: list[bytes] = []
    write, kept.write = kept.write, written.append
    last = None
    for number in range(400):
        last = chain.send(f"{number},", last, "raise ValueError" if number == fails_at else "")
    write(b"".join(written))
    good = 400 if fails_at is None else fails_at
    assert chain.hear(good) == [f"{number}, ok" for number in range(good)]
    if fails_at is not None:
        expected = [f"{number}, skipped" for number in range(fails_at + 1, 400)]
        assert chain.hear(400 - good) == [f"{fails_at}, failed", *expected]
    assert chain.ran().count(",") == good + (fails_at is not None)


def test_a_host_that_can_start_no_process_ends_the_chain(start_runner: Start, ends: Path, tmp_path: Path) -> None:
    runner = start_runner(ends, lambda text: text.replace("pid = os.fork()", "raise OSError(11, 'no room')"))
    runner.hello()
    chain = Chain(runner, tmp_path / "notes", keep=True)
    chain.send("c", chain.send("b", chain.send("a", None)))
    assert chain.hear(3) == ["a fork", "b skipped", "c skipped"]


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "single"])
def test_content_goes_along_with_a_task(runner: Any, keep: bool) -> None:
    import hashlib

    for content in (b"", b"\n", b"\n" * 131072, os.urandom(131072), b'"\n{}\n"', b"x"):
        answer = runner.call(DIGEST, keep=keep, inline=content)
        assert (answer["size"], answer["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert runner.call(DIGEST, keep=keep)["size"] is None
    # One that is not read to its end is no trouble to the next.
    assert runner.call(DIGEST, {"first": 10}, keep=keep, inline=b"x" * 131072)["size"] == 10
    assert runner.call(DIGEST, keep=keep, inline=b"y")["size"] == 1


def test_content_waits_with_its_task(chain: Chain, tmp_path: Path) -> None:
    first = chain.send("a", None, wait_for(tmp_path / "go"))
    for size in (0, 131072):
        task = chain.runner.start(DIGEST, inline=b"\n" * size, keep=chain.keep, after=first)
        chain.names[task] = str(size)
    (tmp_path / "go").write_text("")
    kind, task, _ = chain.runner.next_frame()
    assert (kind, task) == (frames.RESULT, first)
    answers = {task: payload["size"] for _, task, payload in (chain.runner.next_frame() for _ in range(2))}
    assert answers == {first + 1: 0, first + 2: 131072}


def test_a_kept_child_that_is_killed_in_a_chain_is_replaced_only_by_what_does_not_follow(
    kept: Any, tmp_path: Path, watch: Any
) -> None:
    chain = Chain(kept, tmp_path / "notes", keep=True)
    first = chain.send("a", None, "open(task.args['path'] + '.pid', 'w').write('%d\\n' % os.getpid()); time.sleep(60)")
    chain.send("b", first)
    pid = watch.pids(tmp_path / "notes.pid")[0]
    chain.send("c", None)
    assert chain.hear(1) == ["c ok"]
    os.kill(pid, signal.SIGKILL)
    assert chain.hear(2) == ["a died", "b skipped"]
    chain.send("d", None)
    assert chain.hear(1) == ["d ok"]
    assert chain.ran() == "acd"
