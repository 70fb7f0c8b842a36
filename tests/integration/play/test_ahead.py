"""Rows of tasks on real hosts over SSH: what a failure stops, and that nothing runs twice."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from stella_ops.engine.events import HostFinished
from stella_ops.engine.traits import Traits
from stella_ops.lab.fault_proxy import FaultProxy
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.pool import SessionPool

rows = sys.modules["tests_integration_play_rows"]  # loaded by conftest.py

pytestmark = [pytest.mark.integration, pytest.mark.openssh, pytest.mark.usefixtures("no_ssh_agent")]
log, logged, statuses = rows.log, rows.logged, rows.statuses
STRATEGIES = pytest.mark.parametrize("strategy", ["linear", "pipelined"])


@STRATEGIES
async def test_a_failure_stops_what_was_sent_behind_it(play: Any, ahead: list[str], strategy: str) -> None:
    tasks = [
        log("one", "sleep 0.3"),
        log("two", "exit 3"),
        log("three"),
        {"copy": {"content": "x", "dest": "{{ root }}/copied"}},
        {"file": {"path": "{{ root }}/made", "state": "directory"}},
    ]
    played = await play(tasks, strategy=strategy)
    assert ahead == ["shell", "shell", "copy", "file"]
    assert logged(played) == ["one", "two"] and set(played.files) == {"log"}
    assert statuses(played) == ["changed", "failed"] and played.code == 2
    assert not played.complaints


@STRATEGIES
async def test_behind_an_ignored_failure_each_task_runs_once(play: Any, ahead: list[str], strategy: str) -> None:
    tasks = [log("one", "sleep 0.2"), log("two", "exit 3", ignore_errors=True), *map(log, ("three", "four", "five"))]
    played = await play(tasks, strategy=strategy)
    assert logged(played) == ["one", "two", "three", "four", "five"]
    assert len(ahead) > 4
    assert statuses(played) == ["changed", "ignored", *["changed"] * 3]


async def test_rescue_and_always(play: Any) -> None:
    tasks = [
        {
            "block": [log("one", "sleep 0.2"), log("two", "exit 3"), log("three")],
            "rescue": [log("rescue")],
            "always": [log("always")],
        },
        log("after"),
    ]
    assert logged(await play(tasks)) == ["one", "two", "rescue", "always", "after"]


ENDS = {"a timeout": ("sleep 60", {"timeout": 1}), "a crash": ("kill -9 $PPID", {})}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_nothing_runs_behind(play: Any, ahead: list[str], end: Any) -> None:
    then, keywords = end
    tasks = [log("one"), log("two", then, **keywords), log("three"), log("four")]
    played = await play([{"block": tasks, "always": [log("always")]}])
    assert logged(played) == ["one", "two", "always"]
    assert len(ahead) >= 3 and statuses(played) == ["changed", "failed", "changed"]


@STRATEGIES
async def test_a_connection_that_is_cut(play: Any, openssh_lab: Any, root: Path, strategy: str) -> None:
    """What has run stays; the rest neither runs later nor again."""
    host = openssh_lab.hosts[0]
    async with FaultProxy(host.address, host.port) as proxy:
        tasks = [
            log("one"),
            log("two", "touch {{ root }}/now; exec sleep 60"),
            log("three"),
            log("four"),
        ]

        async def cut() -> None:
            while not (root / "now").exists():
                await asyncio.sleep(0.01)
            proxy.cut()

        cutting = asyncio.create_task(cut())
        played = await play(
            [{"block": tasks, "always": [log("always")]}],
            strategy=strategy,
            address=("127.0.0.1", proxy.port),
        )
        await cutting
    assert logged(played) == ["one", "two"]
    assert statuses(played) == ["changed", "unreachable"] and played.code == 4
    assert not played.complaints


async def test_a_lost_connection_that_is_ignored(play: Any) -> None:
    """The host goes on in its turn, on a new connection."""
    tasks = [
        log("one"),
        # The runner ends, and its channel with it.
        log("two", "kill -9 $(ps -o ppid= -p $PPID); sleep 60", ignore_unreachable=True),
        log("three"),
        log("four"),
    ]
    played = await play(tasks)
    assert logged(played) == ["one", "two", "three", "four"]
    assert statuses(played) == ["changed", "ignored", "changed", "changed"]
    assert played.of(HostFinished)[1].result["unreachable"]


async def test_files_in_the_middle_of_a_row(play: Any, tmp_path: Path) -> None:
    files = tmp_path / "files"
    (files / "folder" / "below").mkdir(parents=True)
    (files / "folder" / "below" / "x").write_text("x")
    (files / "big").write_bytes(os.urandom(700_000))
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "t.j2").write_text("{{ r.stdout | default('early') }}\n" + "x" * 200_000)
    tasks = [
        log("one", "echo said", register="r"),
        {"copy": {"src": "big", "dest": "{{ root }}/big"}},
        log("two", "cp {{ root }}/big {{ root }}/big2"),
        {"copy": {"src": "folder", "dest": "{{ root }}"}},
        log("three", "cp -r {{ root }}/folder {{ root }}/folder2"),
        {"template": {"src": "t.j2", "dest": "{{ root }}/t"}},
        log("four", "cp {{ root }}/t {{ root }}/t2"),
        {"copy": {"src": "{{ root }}/big", "dest": "{{ root }}/big3", "remote_src": True}},
        log("five", "cmp {{ root }}/big {{ root }}/big3"),
    ]
    played = await play(tasks)
    assert played.code == 0 and logged(played) == ["one", "two", "three", "four", "five"]
    big = (files / "big").read_bytes()
    assert [played.files[name][0] for name in ("big", "big2", "big3")] == [big] * 3
    assert played.files["folder2/below/x"][0] == b"x"
    assert played.files["t"][0][:5] == played.files["t2"][0][:5] == b"said\n"


async def test_many_small_files_stay_whole(play: Any, ahead: list[str]) -> None:
    """More than is sent at once; each with content that goes with its task."""
    tasks = [
        {"copy": {"content": f"{n}-" * 9_000, "dest": f"{{{{ root }}}}/f{n}"}, "name": f"copy {n}"} for n in range(45)
    ]
    played = await play(tasks)
    assert played.code == 0 and len(ahead) >= 40
    assert all(played.files[f"f{n}"][0] == f"{n}-".encode() * 9_000 for n in range(45))


async def test_handlers_come_at_the_end_of_the_row(play: Any) -> None:
    tasks = [log("one", notify="handler"), log("two"), {"meta": "flush_handlers"}, log("three", notify="handler")]
    played = await play(tasks, handlers=[log("handler")])
    assert logged(played) == ["one", "two", "handler", "three", "handler"]


async def test_what_is_hidden_stays_hidden(play: Any) -> None:
    secret = "ginger-ale"
    tasks = [
        log("one", "sleep 0.1"),
        {"name": "hidden", "shell": f"echo {secret}", "no_log": True, "register": "r"},
        {"name": "also", "debug": {"msg": "{{ r.stdout }}"}, "no_log": True},
        {"name": "failing", "shell": f"echo {secret}; exit 3", "no_log": True},
        log("never"),
    ]
    played = await play(tasks)
    shown = [event for event in played.raw if isinstance(event, HostFinished) and event.task != "one"]
    assert [event.status for event in shown] == ["changed", "ok", "failed"]
    assert all("censored" in event.result for event in shown)
    assert secret not in repr(played.raw)


async def test_check_mode_and_differences(play: Any, ahead: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [
        {"copy": {"content": "x", "dest": "{{ root }}/a"}},
        {"file": {"path": "{{ root }}/b", "state": "directory"}},
        log("command"),
        {"stat": {"path": "{{ root }}/a"}, "register": "s"},
        {"assert": {"that": "not s.stat.exists"}},
    ]
    played = await play(tasks, check=True, diff=True)
    assert played.code == 0 and not played.files and ahead
    monkeypatch.setattr(Traits, "may_follow", lambda self, task: False)
    ahead.clear()
    again = await play(tasks, check=True, diff=True)
    assert again.events == played.events and not ahead


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("sudo") is None, reason="left out: needs root and sudo")
async def test_another_user_in_the_middle(tmp_path: Path) -> None:
    """Each user's runner is another: a row ends where the user changes, and nothing overtakes."""
    pool = rows.LinkedPool(CodeLibrary(()))
    tmp_path.joinpath("host").mkdir(mode=0o777)
    tasks = [
        log("one", "sleep 0.2"),
        {**log("two", "sleep 0.1"), "become": True, "become_user": "root"},
        {**log("three"), "become": True, "become_user": "root"},
        log("four", "exit 3"),
        {**log("five"), "become": True},
    ]
    played = await rows.play(tmp_path, [{"hosts": "all", "gather_facts": False, "tasks": tasks}], pool=pool)
    assert logged(played) == ["one", "two", "three", "four"]
    assert not played.complaints


async def test_nobody_becomes_another_user_ahead_of_the_turn(tmp_path: Path) -> None:
    """A password that is wrong is not tried for a task that does not come, nor twice for one that does."""
    pool = rows.LinkedPool(CodeLibrary(()))
    tasks = [log("one", "sleep 0.3; exit 3"), {**log("two"), "become": True, "become_user": "nobody"}]
    played = await rows.play(tmp_path, [{"hosts": "all", "gather_facts": False, "tasks": tasks}], pool=pool)
    assert logged(played) == ["one"]
    assert [session.started for session in pool.made] == [[None]]


async def test_local_tasks_do_not_overtake(play: Any) -> None:
    """A task on the controller beside tasks on the host; its runner is another, too."""
    tasks = [
        log("one", "sleep 0.3"),
        {**log("two"), "connection": "local"},
        {**log("three"), "connection": "local"},
        log("four", "exit 3"),
        {**log("five"), "connection": "local"},
    ]
    played = await play(tasks)
    assert logged(played) == ["one", "two", "three", "four"]


async def test_what_one_task_writes_here_the_next_reads(tmp_path: Path) -> None:
    """On the controller itself, tasks change what others are prepared from."""
    pool = SessionPool(CodeLibrary(()))
    tasks = [
        {"shell": "sleep 0.2; echo text > {{ root }}/made"},
        {"copy": {"src": "{{ root }}/made", "dest": "{{ root }}/copied"}},
        {"assert": {"that": "lookup('file', root ~ '/copied') == 'text'"}},
        {"debug": {"msg": "x"}, "when": "(root ~ '/copied') is file"},
    ]
    book = [{"hosts": "all", "gather_facts": False, "connection": "local", "tasks": tasks}]
    played = await rows.play(tmp_path, book, pool=pool)
    assert statuses(played) == ["changed", "changed", "ok", "ok"]


@STRATEGIES
def test_ctrl_c(project: Any, openssh_lab: Any, root: Path, strategy: str) -> None:
    tasks = [log("one"), log("two", "touch {{ root }}/now; exec sleep 60"), log("three"), log("four")]
    book = [{"hosts": "lab1", "gather_facts": False, "strategy": strategy, "vars": {"root": str(root)}, "tasks": tasks}]
    project.write("play.yml", yaml.safe_dump(book))
    process = project.start("play", "-i", str(openssh_lab.inventory), "play.yml", env={"PYTHONASYNCIODEBUG": "1"})
    end = time.monotonic() + 30
    while not (root / "now").exists():
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.02)
    # The host may be ahead of what the controller has heard.
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("TASK [two]"):
            break
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 99 and "ok=1 " in stdout
    assert "Traceback" not in stdout + stderr and "never" not in stderr
    assert (root / "log").read_text().split() == ["one", "two"]


def test_nothing_is_left_behind_unheard(project: Any, openssh_lab: Any, root: Path) -> None:
    """In asyncio's debug mode, where every forgotten task and coroutine is told."""
    tasks = [
        log("one", register="r"),
        {"name": "uses", "debug": {"msg": "{{ r.rc }}"}},
        log("two", "exit 3", ignore_errors=True),
        log("three"),
        {"block": [log("four", "exit 1"), log("five")], "rescue": [log("six")]},
        log("seven", "exit 1"),
        log("eight"),
    ]
    book = [
        {"hosts": "all", "strategy": "pipelined", "vars": {"root": str(root)}, "tasks": tasks},
        {"hosts": "all", "tasks": tasks},
    ]
    project.write("play.yml", yaml.safe_dump(book))
    env = {"PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1"}
    done = project.run("play", "-i", str(openssh_lab.inventory), "play.yml", env=env, expect=2)
    said = done.stderr + done.stdout
    for word in ("never retrieved", "never awaited", "was destroyed", "Traceback"):
        assert word not in said, said
