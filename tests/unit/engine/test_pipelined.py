"""Hosts that go through a play by themselves: what they keep to, and what ends the play for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.engine.events import HostFinished, NoHostsLeft, PlayStarted, TaskStarted, Warned
from stella_ops.errors import PlaybookError, UnreachableError
from stella_ops.transport.base import ModuleCall

Play = Callable[..., Any]
HEAD = "- hosts: all\n  gather_facts: false\n  strategy: pipelined\n"
TASKS = "  tasks:\n    - command: one\n    - command: two\n    - command: three\n"
SIX = "".join(f"h{n}\n" for n in range(6))


@pytest.fixture
def pool(row_pool: Any) -> Any:
    return row_pool()


def fails(*pairs: tuple[str, str]) -> Callable[..., dict[str, Any]]:
    """An answer that fails on some hosts at some commands."""

    def answer(host: str, call: ModuleCall) -> dict[str, Any]:
        return {"failed": (host, call.args.get("_raw_params") or call.args.get("cmd")) in pairs, "changed": True}

    return answer


def order(played: Any, host: str) -> list[str]:
    return [event.status for event in played.seen.of(HostFinished) if event.host == host]


async def test_hosts_do_not_wait_for_each_other(play: Play, pool: Any) -> None:
    held = asyncio.Event()
    done = asyncio.Event()

    def answer(host: str, call: ModuleCall) -> dict[str, Any]:
        if host == "b" and pool.label(call) == "three":
            done.set()
        return {"changed": True}

    pool.answer = answer
    really = pool.session

    def session(spec: Any) -> Any:
        made = really(spec)
        if spec.name == "a" and not hasattr(made, "slow"):
            made.slow, inner = True, made.call

            async def call(asked: ModuleCall, become: Any = None) -> Any:
                await held.wait()
                return await inner(asked, become)

            made.call = call
        return made

    pool.session = session
    running = asyncio.create_task(play(HEAD + TASKS, hosts="a,b,", pool=pool))
    await done.wait()
    held.set()
    played = await running
    assert order(played, "a") == order(played, "b") == ["changed"] * 3


async def test_each_task_is_announced_once_for_all(play: Play, pool: Any) -> None:
    text = HEAD.replace("gather_facts: false", "gather_facts: true") + TASKS
    played = await play(text, hosts=SIX, pool=pool, forks=2)
    started = played.seen.of(TaskStarted)
    assert [event.task for event in started] == ["Gathering Facts", "command", "command", "command"]
    assert all(list(event.hosts) == [f"h{n}" for n in range(6)] for event in started)
    assert len(played.seen.of(HostFinished)) == 24


async def test_no_more_hosts_at_work_than_forks(play: Play, pool: Any) -> None:
    played = await play(HEAD + TASKS, hosts=SIX, pool=pool, forks=2)
    assert pool.most_at_once <= 2
    first = [event.host for event in played.seen.of(HostFinished)][:6]
    assert set(first) == {"h0", "h1"}


async def test_batches_come_one_after_the_other(play: Play, pool: Any) -> None:
    played = await play(HEAD + "  serial: 2\n" + TASKS, hosts=SIX, pool=pool)
    hosts = [event.host for event in played.seen.of(HostFinished)]
    assert [set(hosts[n : n + 6]) for n in (0, 6, 12)] == [{"h0", "h1"}, {"h2", "h3"}, {"h4", "h5"}]
    assert [list(event.hosts) for event in played.seen.of(PlayStarted)] == [["h0", "h1"], ["h2", "h3"], ["h4", "h5"]]


async def test_one_host_that_fails_stops_itself(play: Play, pool: Any) -> None:
    pool.answer = fails(("h1", "two"))
    played = await play(HEAD + TASKS, hosts=SIX, pool=pool)
    assert order(played, "h1") == ["changed", "failed"] and order(played, "h2") == ["changed"] * 3
    assert played.code == 2 and pool.ran.count("three") == 5
    assert not played.seen.of(NoHostsLeft) and not played.seen.of(Warned)


async def test_one_host_that_is_lost_stops_itself(play: Play, pool: Any) -> None:
    def answer(host: str, call: ModuleCall) -> dict[str, Any]:
        if host == "h1":
            raise UnreachableError("gone")
        return {}

    pool.answer = answer
    played = await play(HEAD + TASKS, hosts=SIX, pool=pool)
    assert order(played, "h1") == ["unreachable"] and order(played, "h2") == ["ok"] * 3
    assert played.code == 4


async def test_a_run_goes_on_behind_it_unless_all_are_lost(play: Play, pool: Any) -> None:
    pool.answer = fails(("h1", "two"))
    played = await play(HEAD + TASKS + HEAD + "  tasks: [{ping: }]\n", hosts=SIX, pool=pool)
    assert set(played.seen.statuses("ping")) == {"h0", "h2", "h3", "h4", "h5"}
    other = type(pool)(fails(("a", "two")))
    played = await play(HEAD + TASKS + HEAD + "  tasks: [{ping: }]\n", hosts="a,", pool=other)
    assert not played.seen.statuses("ping")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "  any_errors_fatal: true\n" + TASKS,
        HEAD + "  any_errors_fatal: '{{ 1 == 1 }}'\n" + TASKS,
        HEAD + TASKS + "      any_errors_fatal: true\n",
        HEAD + "  max_fail_percentage: 10\n" + TASKS,
        HEAD + "  max_fail: 0\n" + TASKS,
    ],
)
async def test_failures_keep_hosts_from_beginning(play: Play, pool: Any, text: str) -> None:
    pool.answer = fails(("h0", "three"))
    played = await play(text + HEAD + "  tasks: [{ping: }]\n", hosts=SIX, pool=pool, forks=1)
    assert {event.host for event in played.seen.of(HostFinished)} == {"h0"}
    *limit, warned = played.seen.of(Warned)
    assert len(limit) == ("max_fail:" in text)
    assert warned.message == "failures ended the play before these hosts began: h1, h2, h3, h4, h5"
    assert played.code == 2


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
async def test_failures_of_one_are_nothing_to_the_others_under_free(play: Play, pool: Any, strategy: str) -> None:
    pool.answer = fails(("h0", "one"))
    text = HEAD.replace("pipelined", strategy) + "  any_errors_fatal: true\n  max_fail_percentage: 0\n" + TASKS
    played = await play(text + "      run_once: true\n", hosts=SIX, pool=pool, forks=1)
    assert all(order(played, f"h{n}") == ["changed"] * 3 for n in range(1, 6))
    assert {event.message.split(" with the free strategy is not ")[0] for event in played.seen.of(Warned)} == {
        "Using any_errors_fatal",
        "Using max_fail_percentage",
        "Using run_once",
    }
    assert played.code == 2


async def test_failures_leave_alone_the_hosts_at_work(play: Play, pool: Any) -> None:
    pool.answer = fails(("h0", "one"))
    played = await play(HEAD + "  any_errors_fatal: true\n" + TASKS, hosts=SIX, pool=pool, forks=3)
    assert order(played, "h1") == order(played, "h2") == ["changed"] * 3
    assert {event.host for event in played.seen.of(HostFinished)} == {"h0", "h1", "h2"}


async def test_a_failure_that_is_rescued_ends_nothing(play: Play, pool: Any) -> None:
    pool.answer = fails(("h0", "one"))
    text = HEAD + (
        "  any_errors_fatal: true\n  tasks:\n    - block: [{command: one}]\n      rescue: [{command: rescue}]\n"
        "    - command: after\n"
    )
    played = await play(text, hosts=SIX, pool=pool, forks=1)
    assert order(played, "h0") == ["failed", "changed", "changed"] and order(played, "h5") == ["changed"] * 2
    assert played.code == 0


async def test_the_share_of_failures_is_of_all_hosts(play: Play, pool: Any) -> None:
    """One of six is less than half; three and one more are more."""
    pool.answer = fails(*((f"h{n}", "two") for n in (0, 2, 3)))
    played = await play(HEAD + "  max_fail_percentage: 50\n" + TASKS, hosts=SIX, pool=pool, forks=1)
    assert not played.seen.of(NoHostsLeft) and len(order(played, "h5")) == 3
    other = type(pool)(fails(*((f"h{n}", "two") for n in range(6))))
    played = await play(HEAD + "  max_fail_percentage: 50\n" + TASKS, hosts=SIX, pool=other, forks=1)
    assert {event.host for event in played.seen.of(HostFinished)} == {"h0", "h1", "h2", "h3"}
    assert [event.reason for event in played.seen.of(NoHostsLeft)] == ["max_fail_percentage"]


async def test_run_once_means_each_host_and_that_is_told(play: Play, pool: Any) -> None:
    pool.answer = fails(("h0", "one"))
    text = HEAD + "  tasks:\n    - command: one\n      run_once: true\n    - command: two\n"
    played = await play(text, hosts=SIX, pool=pool, forks=1)
    [warned] = played.seen.of(Warned)
    assert warned.message.startswith("run_once has no meaning under 'strategy: pipelined'")
    assert str(warned.where).endswith("playbook.yml:5:7")
    # A failure is that host's alone.
    assert order(played, "h0") == ["failed"] and order(played, "h1") == ["changed"] * 2


async def test_the_end_of_the_play_leaves_alone_those_at_work(play: Play, pool: Any) -> None:
    text = HEAD + (
        "  tasks:\n    - command: one\n    - meta: end_play\n      when: inventory_hostname == 'h0'\n"
        "    - command: two\n"
    )
    played = await play(text, hosts=SIX, pool=pool, forks=2)
    assert order(played, "h0") == ["changed"] and order(played, "h1") == ["changed"] * 2
    assert {event.host for event in played.seen.of(HostFinished)} == {"h0", "h1"}
    assert played.code == 0 and not played.seen.of(Warned)


async def test_the_end_of_a_host_is_its_own(play: Play, pool: Any) -> None:
    text = HEAD + (
        "  tasks:\n    - command: one\n    - meta: end_host\n      when: inventory_hostname == 'h0'\n"
        "    - command: two\n"
    )
    played = await play(text, hosts=SIX, pool=pool)
    assert order(played, "h0") == ["changed"] and order(played, "h1") == ["changed"] * 2


@pytest.mark.parametrize("forced", [True, False])
async def test_handlers_of_a_host_that_failed(play: Play, pool: Any, forced: bool) -> None:
    pool.answer = fails(("a", "two"))
    text = HEAD + (
        f"  force_handlers: {forced}\n  any_errors_fatal: true\n  tasks:\n"
        "    - command: one\n      notify: tell\n    - command: two\n    - command: three\n"
        "  handlers:\n    - name: tell\n      command: handled\n"
    )
    await play(text, hosts="a,b,", pool=pool)
    assert pool.ran.count("handled") == (2 if forced else 1)
    assert pool.ran.count("three") == 1


async def test_check_mode(play: Play, pool: Any) -> None:
    played = await play(HEAD + TASKS, hosts="a,b,", pool=pool, check=True)
    assert all(call.check for _, call, _ in pool.calls) and played.code == 0


async def test_what_is_wrong_with_the_playbook_ends_the_run_of_all(play: Play, pool: Any) -> None:
    text = HEAD + "  tasks:\n    - command: one\n      notify: '{{ \"nobody\" }}'\n"
    with pytest.raises(PlaybookError, match="'nobody' was not found"):
        await play(text, hosts=SIX, pool=pool)
    assert asyncio.all_tasks() == {asyncio.current_task()} and pool.closed


async def test_interrupted_nothing_is_left(play: Play, pool: Any) -> None:
    pool.hold("one")
    running = asyncio.create_task(play(HEAD + TASKS, hosts=SIX, pool=pool))
    await pool.until_sent("three")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == {asyncio.current_task()} and pool.closed
