"""What is sent before its turn, what waits for it, and what becomes of what was sent in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from stella_ops.engine import begun
from stella_ops.engine.events import HostFinished
from stella_ops.engine.traits import Traits
from stella_ops.errors import ModuleCrashError, TaskTimeoutError, UnreachableError
from stella_ops.transport.base import ModuleCall

Play = Callable[..., Any]
HEAD = "- hosts: all\n  gather_facts: false\n  tasks:\n"


def commands(*words: str) -> str:
    return "".join(f"    - command: {word}\n" for word in words)


@pytest.fixture
def pool(row_pool: Any) -> Any:
    return row_pool()


async def test_a_row_is_sent_before_its_first_is_answered(play: Play, pool: Any) -> None:
    go = pool.hold("one")
    running = asyncio.create_task(play(HEAD + commands("one", "two", "three"), hosts="a,", pool=pool))
    await pool.until_sent("one", "two", "three")
    assert pool.ran == ["one"]
    go.set()
    played = await running
    assert pool.ran == pool.sent == ["one", "two", "three"]
    assert [event.task for event in played.seen.of(HostFinished)] == ["command"] * 3
    assert played.recap["a"].changed == 3


async def test_results_come_in_order_whatever_is_known_first(play: Play, pool: Any) -> None:
    text = (
        HEAD + "    - command: one\n    - debug: msg=x\n    - command: three\n      when: false\n    - command: four\n"
    )
    go = pool.hold("one")
    running = asyncio.create_task(play(text, hosts="a,", pool=pool))
    await pool.until_sent("one", "four")
    go.set()
    played = await running
    assert [event.status for event in played.seen.of(HostFinished)] == ["changed", "ok", "skipped", "changed"]


WAITING = {
    "an argument": "command: two {{ r.rc }}",
    "a variable of the play": "command: two {{ of_play }}",
    "a default": "command: two {{ r.rc | default('x') }}",
    "whether it is there": "command: two {{ r is defined }}",
    "all variables": "command: two {{ vars.r.rc }}",
    "their names": "command: two {{ 'r' in vars }}",
    "how many there are": "command: two {{ vars | length }}",
    "hostvars": "command: two {{ hostvars.a.r.rc }}",
    "hostvars by another way": "command: two {{ vars.hostvars.a.r.rc }}",
    "a lookup": "command: two {{ lookup('vars', 'r').rc }}",
    "names by a pattern": "command: two {{ query('varnames', '^r$') | length }}",
    "a condition": "command: two\n      when: r.rc == 0",
    "a variable of the task": "command: two {{ mine }}\n      vars: {mine: '{{ r.rc }}'}",
    "an environment": "command: two\n      environment: {X: '{{ r.rc }}'}",
    "no_log": "command: two\n      no_log: '{{ r.rc == 1 }}'",
    "a user": "command: two\n      become: true\n      become_user: 'u{{ r.rc }}'",
    "an undefined name": "command: two {{ nowhere.to_be.found | default('two') }} {{ r.rc }}",
    "a message": "assert: {that: r.rc == 0}",
}


@pytest.mark.parametrize("task", WAITING.values(), ids=WAITING.keys())
async def test_who_uses_a_result_waits_for_it(play: Play, pool: Any, task: str) -> None:
    text = (
        "- hosts: all\n  gather_facts: false\n  vars: {of_play: '{{ r.rc }}'}\n  tasks:\n"
        f"    - command: one\n      register: r\n    - {task}\n      name: uses\n    - command: three\n"
    )
    played = await play(text, hosts="a,", pool=pool)
    assert [word.split()[0] for word in pool.ran] == (["one", "three"] if "assert" in task else ["one", "two", "three"])
    assert played.seen.statuses("uses") in ({"a": "changed"}, {"a": "ok"})
    assert played.code == 0
    # It was not sent with what was there before: an older value, or none.
    assert "two True" in pool.ran or "is defined" not in task
    assert not [word for word in pool.ran if word.startswith("two") and word.endswith("x")]


async def test_who_uses_facts_waits_for_them(play: Play, pool: Any) -> None:
    def answer(host: str, call: ModuleCall) -> dict[str, Any]:
        if call.module == "setup":
            return {"changed": False, "ansible_facts": {"ansible_system": "Plan9"}}
        return {"changed": True}

    pool.answer = answer
    text = (
        "- hosts: all\n  tasks:\n    - command: one\n    - command: two {{ ansible_system }}\n"
        "    - command: three {{ ansible_facts.system | default('none') }} {{ ansible_check_mode }}\n"
    )
    go = pool.hold("setup")
    # Not with what stands below them either.
    running = asyncio.create_task(play(text, hosts="a ansible_system=older\n", pool=pool))
    await pool.until_sent("setup", "one")
    go.set()
    await running
    assert pool.ran == ["setup", "one", "two Plan9", "three Plan9 False"]


async def test_an_older_value_of_the_same_name_is_not_taken(play: Play, pool: Any) -> None:
    pool.answer = lambda host, call: {"changed": False, "stdout": pool.label(call)}
    text = HEAD + (
        "    - command: one\n      register: r\n    - command: two\n      register: r\n"
        "    - debug: msg='{{ r.stdout }}'\n"
    )
    played = await play(text, hosts="a,", pool=pool)
    assert played.seen.results("debug")["a"]["msg"] == "two"


# -- what goes wrong

ENDS = [
    {"failed": True},
    ModuleCrashError("died"),
    TaskTimeoutError("too long"),
    UnreachableError("gone"),
]


@pytest.mark.parametrize("end", ENDS, ids=["failed", "crash", "timeout", "lost"])
async def test_nothing_runs_behind_one_that_fails(play: Play, pool: Any, end: Any) -> None:
    def answer(host: str, call: ModuleCall) -> dict[str, Any]:
        if pool.label(call) == "two" and isinstance(end, Exception):
            raise end
        return end if pool.label(call) == "two" else {"changed": True}

    pool.answer = answer
    go = pool.hold("one")
    text = HEAD + commands("one", "two", "three") + "    - debug: msg=x\n"
    running = asyncio.create_task(play(text, hosts="a,", pool=pool))
    await pool.until_sent("three")
    go.set()
    played = await running
    assert pool.ran == ["one", "two"]
    assert len(played.seen.of(HostFinished)) == 2
    assert played.code == (4 if isinstance(end, UnreachableError) else 2)


async def test_behind_a_failure_that_is_ignored_each_runs_once(play: Play, pool: Any) -> None:
    pool.answer = lambda host, call: {"failed": pool.label(call) == "one", "changed": True}
    text = HEAD + "    - command: one\n      ignore_errors: true\n" + commands("two", "three", "four")
    go = pool.hold("one")
    running = asyncio.create_task(play(text, hosts="a,", pool=pool))
    await pool.until_sent("four")
    go.set()
    played = await running
    assert pool.ran == ["one", "two", "three", "four"]
    assert played.recap["a"].ignored == 1 and played.recap["a"].ok == 4


async def test_rescue_and_always_come_in_their_turn(play: Play, pool: Any) -> None:
    pool.answer = lambda host, call: {"failed": pool.label(call) == "one", "changed": True}
    text = HEAD + (
        "    - block:\n        - command: one\n        - command: two\n"
        "      rescue:\n        - command: rescue\n"
        "      always:\n        - debug: msg=\"{{ ansible_failed_task.action | default('none') }}\"\n"
        "        - command: always\n    - command: after\n"
    )
    go = pool.hold("one")
    running = asyncio.create_task(play(text, hosts="a,", pool=pool))
    await pool.until_sent("two", "always", "after")
    go.set()
    played = await running
    assert pool.ran == ["one", "rescue", "always", "after"]
    assert played.seen.results("debug")["a"]["msg"] == "command"


async def test_what_was_decided_before_a_failure_is_decided_again(play: Play, pool: Any) -> None:
    """The rescue section has nothing to run; still the failed task is known behind it."""
    pool.answer = lambda host, call: {"failed": pool.label(call) == "one"}
    text = HEAD + (
        "    - block: [{command: one}]\n      rescue: [{meta: noop}]\n"
        "      always: [{debug: {msg: \"{{ ansible_failed_task.action | default('none') }}\"}}]\n"
    )
    played = await play(text, hosts="a,", pool=pool)
    assert played.seen.results("debug")["a"]["msg"] == "command"


async def test_a_failure_that_shows_ahead_counts_in_its_turn_only(play: Play, pool: Any, tmp_path: Any) -> None:
    """What is missing now may be there then."""
    go = pool.hold("one")
    text = HEAD + "    - command: one\n    - copy: {src: later, dest: /x}\n    - command: three\n"
    running = asyncio.create_task(play(text, hosts="a,", pool=pool))
    await pool.until_sent("one")
    for _ in range(30):
        await asyncio.sleep(0)
    assert pool.sent == ["one"]
    (tmp_path / "later").write_text("x")
    go.set()
    played = await running
    assert pool.ran == ["one", "/x", "three"] and played.code == 0


async def test_nothing_follows_what_may_be_asked_again(play: Play, pool: Any) -> None:
    """A host that lacks a long file asks for it, and is called a second time."""
    pool.open = {"two"}
    go = pool.hold("one")
    running = asyncio.create_task(play(HEAD + commands("one", "two", "three"), hosts="a,", pool=pool))
    await pool.until_sent("two")
    for _ in range(30):
        await asyncio.sleep(0)
    assert pool.sent == ["one", "two"]
    go.set()
    await running
    assert pool.ran == ["one", "two", "three"]


async def test_a_lost_connection_that_is_ignored_runs_nothing_twice(play: Play, pool: Any) -> None:
    """What was sent behind it may have run all the same."""

    def answer(host: str, call: ModuleCall) -> dict[str, Any]:
        if pool.label(call) == "one":
            raise UnreachableError("gone")
        return {"changed": True}

    pool.answer = answer
    go = pool.hold("one")
    text = HEAD + "    - command: one\n      ignore_unreachable: true\n    - command: two\n"
    running = asyncio.create_task(play(text, hosts="a,", pool=pool))
    await pool.until_sent("one")
    for _ in range(20):
        await asyncio.sleep(0)
    assert pool.sent == ["one"]
    go.set()
    await running
    assert pool.ran == ["one", "two"]


async def test_interrupted_nothing_is_left(play: Play, pool: Any) -> None:
    pool.hold("one")
    running = asyncio.create_task(play(HEAD + commands("one", "two", "three"), hosts="a,", pool=pool))
    await pool.until_sent("three")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert pool.ran == ["one"] and pool.closed
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_defect_in_looking_ahead_is_heard(play: Play, pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def trips(self: Any, task: Any) -> bool:
        raise ZeroDivisionError("in looking")

    monkeypatch.setattr(Traits, "may_lead", trips)
    with pytest.raises(ZeroDivisionError, match="in looking"):
        await play(HEAD + commands("one", "two"), hosts="a,", pool=pool)


# -- bounds


async def test_no_more_than_so_many_tasks(play: Play, pool: Any) -> None:
    names = [f"c{n}" for n in range(begun.DEPTH * 3)]
    go = pool.hold("c0")
    running = asyncio.create_task(play(HEAD + commands(*names), hosts="a,", pool=pool))
    await pool.until_sent(names[begun.DEPTH])
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(pool.sent) == begun.DEPTH + 1
    go.set()
    await running
    assert pool.ran == names


async def test_no_more_than_so_many_bytes(play: Play, pool: Any) -> None:
    pool.size = begun.IN_FLIGHT // 4
    names = [f"c{n}" for n in range(20)]
    go = pool.hold("c0")
    running = asyncio.create_task(play(HEAD + commands(*names), hosts="a,", pool=pool))
    await pool.until_sent("c4")
    for _ in range(50):
        await asyncio.sleep(0)
    assert pool.sent == names[:5]
    go.set()
    await running
    assert pool.ran == names


async def test_one_slot_is_enough(play: Play, pool: Any) -> None:
    async with asyncio.timeout(30):
        played = await play(HEAD + commands("one", "two", "three"), hosts="a,", pool=pool, forks=1)
    assert played.recap["a"].changed == 3


async def test_a_long_play_costs_no_more_for_each_task(
    play: Play, row_pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: how often the traits of a task are asked for."""
    asked = 0
    really = Traits._look

    def look(self: Any, task: Any) -> Any:
        nonlocal asked
        asked += 1
        return really(self, task)

    monkeypatch.setattr(Traits, "_look", look)
    counts = []
    for size in (100, 400):
        asked, pool = 0, row_pool()
        text = commands(*(f"c{n}" for n in range(size))) + "    - command: never\n      tags: never\n" * size
        await play(HEAD + text, hosts="a,", pool=pool)
        assert len(pool.ran) == size
        counts.append(asked)
    assert counts[1] < 5 * counts[0]


# -- times


async def test_a_task_takes_what_it_takes(play: Play, pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(begun, "time", SimpleNamespace(monotonic=lambda: now[0]))

    gates = [pool.hold(word) for word in ("one", "three", "five")]
    text = HEAD + (
        "    - command: one\n    - command: two\n      when: false\n    - command: three\n    - debug: msg=x\n"
        "    - command: five\n"
    )
    running = asyncio.create_task(play(text, hosts="a,", pool=pool))
    await pool.until_sent("five")
    for gate in gates:
        now[0] += 5.0
        gate.set()
        for _ in range(30):
            await asyncio.sleep(0)
    played = await running
    assert [event.duration for event in played.seen.of(HostFinished)] == [5.0, 0.0, 5.0, 0.0, 5.0]


# -- several hosts under linear


async def test_a_host_that_is_left_alone_in_a_block_does_not_go_ahead(play: Play, pool: Any) -> None:
    """Its rescue and always sections bring the other back, and what comes then is for both."""
    pool.answer = lambda host, call: {"failed": host == "b" and pool.label(call) == "one", "changed": True}
    text = HEAD + (
        "    - block:\n        - command: one\n        - command: two\n"
        "      rescue:\n        - command: rescue\n"
        "      always:\n        - command: always\n    - command: after\n"
    )
    played = await play(text, hosts="a,b,", pool=pool)
    assert pool.ran == ["one", "one", "two", "rescue", "always", "always", "after", "after"]
    assert played.recap["a"].ok == 4 and played.recap["b"].ok == 3


async def test_several_hosts_keep_step(play: Play, pool: Any) -> None:
    go = pool.hold("one")
    running = asyncio.create_task(play(HEAD + commands("one", "two"), hosts="a,b,", pool=pool))
    await pool.until_sent("one")
    for _ in range(30):
        await asyncio.sleep(0)
    assert pool.sent == ["one", "one"]
    go.set()
    await running
    assert pool.ran == ["one", "one", "two", "two"]


# -- who does not go ahead


@pytest.mark.parametrize(
    "second",
    [
        "command: two\n      become: true",
        "command: two\n      delegate_to: b",
        "command: two\n      loop: [1]",
        "command: two\n      failed_when: x is defined",
        "command: two\n      ignore_errors: '{{ 1 == 1 }}'",
        "command: two\n      run_once: true",
        "command: two\n      connection: local",
        "command: two\n      remote_user: other",
        "command: two\n      notify: '{{ [] }}'",
        "command: two {{ lookup('pipe', 'echo x') }}",
        "set_fact: {x: 1}",
        "fail: {msg: x}\n      when: false",
        "meta: noop",
        "pause: seconds=1\n      when: false",
    ],
)
async def test_barriers(play: Play, pool: Any, second: str) -> None:
    go = pool.hold("one")
    text = HEAD + f"    - command: one\n    - {second}\n    - command: three\n"
    running = asyncio.create_task(play(text, hosts="a,", pool=pool))
    await pool.until_sent("one")
    for _ in range(30):
        await asyncio.sleep(0)
    assert pool.sent == ["one"]
    go.set()
    played = await running
    assert pool.ran[0] == "one" and pool.ran[-1] == "three"
    assert played.code == 0


async def test_programs_of_lookups_run_once_and_in_their_turn(play: Play, pool: Any, tmp_path: Any) -> None:
    log = tmp_path / "log"
    pool.answer = lambda host, call: {"failed": pool.label(call) == "one"}
    text = HEAD + (
        "    - command: one\n      ignore_errors: true\n"
        f"    - command: two {{{{ lookup('pipe', 'echo x >> {log}') }}}}\n"
        f"    - command: three {{{{ lookup('lines', 'echo y >> {log}') }}}}\n"
    )
    await play(text, hosts="a,", pool=pool)
    assert log.read_text() == "x\ny\n"
