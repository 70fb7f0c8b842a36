from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stella_ops.engine.events import HostFinished, NoHostsLeft, TaskStarted

HEAD = "- hosts: all\n  gather_facts: false\n"
HOSTS = "".join(f"h{n}\n" for n in range(12))


async def test_no_more_at_once_than_there_are_forks(play: Callable[..., Any]) -> None:
    played = await play(HEAD + "  tasks:\n    - ping:\n    - command: x\n", hosts=HOSTS, forks=5)
    assert played.pool.most_at_once == 5


async def test_every_host_ends_a_task_before_the_next(play: Callable[..., Any]) -> None:
    played = await play(HEAD + "  tasks:\n    - ping:\n    - command: x\n", hosts=HOSTS, forks=3)
    order = [e.task for e in played.seen.events if isinstance(e, HostFinished)]
    assert order == ["ping"] * 12 + ["command"] * 12


async def test_run_once_asks_one_host_and_tells_all(play: Callable[..., Any]) -> None:
    text = (
        HEAD
        + "  tasks:\n    - command: x\n      run_once: true\n      register: r\n    - debug: msg='{{ r.stdout }}'\n"
    )
    played = await play(text)
    assert [spec.name for spec, _, _ in played.pool.calls] == ["a"]
    assert played.seen.results("debug")["b"]["msg"] == "command on a"
    assert list(played.seen.of(TaskStarted)[0].hosts) == ["a"]


async def test_too_many_failures_are_told(play: Callable[..., Any]) -> None:
    text = HEAD + "  max_fail_percentage: 10\n  tasks:\n    - command: x\n    - ping:\n"
    played = await play(text, hosts=HOSTS, answer=lambda host, call: {"failed": host in ("h1", "h2")})
    assert played.code == 2
    assert [event.reason for event in played.seen.of(NoHostsLeft)] == ["max_fail_percentage"]
    assert played.seen.statuses("ping") == {}


async def test_a_handler_of_an_include_fails_on_all_hosts(play: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "two.yml").write_text("- {name: breaks, ping: }\n- {name: after, ping: }\n", encoding="utf-8")
    text = HEAD + "  tasks: [{command: x, notify: h}]\n  handlers: [{include_tasks: two.yml, name: h}]\n"
    played = await play(text, answer=lambda host, call: {"changed": True, "failed": call.module == "ping"})
    assert played.code == 2 and set(played.seen.statuses("breaks").values()) == {"failed"}
    assert played.seen.statuses("after") == {}
