"""The beginning and the end of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.engine.events import NoHosts, PlayStarted, RunFinished, RunStarted
from stella_ops.errors import PatternError, PlaybookError, TemplateError

HEAD = "- hosts: all\n  gather_facts: false\n"


async def test_begins_and_ends_once(play: Callable[..., Any]) -> None:
    played = await play(HEAD + "  tasks: [ping: ]\n" + HEAD + "  tasks: [ping: ]\n")
    events = played.seen.events
    assert isinstance(events[0], RunStarted) and isinstance(events[-1], RunFinished)
    assert (events[0].hosts_total, events[-1].exit_code, events[-1].interrupted) == (2, 0, False)
    assert played.recap["a"].ok == 2
    assert played.pool.closed


async def test_an_error_of_the_playbook_still_ends_the_run(play: Callable[..., Any], fake_pool: type[Any]) -> None:
    pool = fake_pool()
    with pytest.raises(PlaybookError) as caught:
        await play(HEAD + "  vars_files: [nothere.yml]\n  tasks: []\n", pool=pool)
    assert "nothere.yml" in caught.value.message and caught.value.where.endswith("playbook.yml:3:16")
    assert pool.closed


async def test_patterns_are_checked_before_anything_runs(play: Callable[..., Any], fake_pool: type[Any]) -> None:
    pool = fake_pool()
    with pytest.raises(PatternError) as caught:
        await play(HEAD + "  tasks: [ping: ]\n- hosts: nosuch\n  tasks: []\n", pool=pool)
    assert caught.value.where.endswith("playbook.yml:4:10")
    assert pool.calls == []


async def test_a_limit_that_leaves_nobody(play: Callable[..., Any]) -> None:
    played = await play("- hosts: a\n  gather_facts: false\n  tasks: [ping: ]\n", limit="b")
    assert played.code == 0 and played.seen.of(NoHosts) and played.pool.calls == []


async def test_hosts_and_names_may_use_variables_of_the_play(play: Callable[..., Any]) -> None:
    text = "- hosts: '{{ who }}'\n  name: on {{ who }}\n  gather_facts: false\n  vars: {who: b}\n  tasks: [ping: ]\n"
    played = await play(text)
    assert played.seen.statuses("ping") == {"b": "ok"}
    assert [event.play for event in played.seen.of(PlayStarted)] == ["on b"]
    played = await play(text, extra_vars={"who": "a"})
    assert played.seen.statuses("ping") == {"a": "ok"}


async def test_cancelling_ends_with_a_recap(play: Callable[..., Any], fake_pool: type[Any]) -> None:
    running = asyncio.Event()

    class Slow(fake_pool):  # type: ignore[misc, valid-type]
        def session(self, spec: Any) -> Any:
            made = super().session(spec)

            async def call(call: Any, become: Any = None) -> Any:
                running.set()
                await asyncio.Event().wait()

            made.call = call
            return made

    pool = Slow()
    seen: list[Any] = []
    from stella_ops.engine.run_context import RunContext

    really = RunContext.emit

    def emit(self: Any, event: Any) -> None:
        seen.append(event)
        really(self, event)

    RunContext.emit = emit  # type: ignore[method-assign]
    try:
        task = asyncio.create_task(play(HEAD + "  tasks:\n    - debug: msg=x\n    - ping:\n", pool=pool))
        await running.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        RunContext.emit = really  # type: ignore[method-assign]
    assert isinstance(seen[-1], RunFinished)
    assert (seen[-1].interrupted, seen[-1].exit_code, seen[-1].hosts["a"].ok) == (True, 99, 1)
    assert pool.closed


async def test_an_interruption_while_connections_close_is_told(
    play: Callable[..., Any], fake_pool: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status is an interrupted run's then, and the last event says the same."""
    from stella_ops.engine.run_context import RunContext

    closing = asyncio.Event()

    async def close() -> None:
        closing.set()
        await asyncio.Event().wait()

    seen: list[Any] = []
    pool = fake_pool()
    monkeypatch.setattr(pool, "close", close)
    monkeypatch.setattr(RunContext, "emit", lambda self, event: seen.append(event))
    task = asyncio.create_task(play(HEAD + "  tasks:\n    - debug: msg=x\n", pool=pool))
    await closing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(seen[-1], RunFinished)
    assert (seen[-1].interrupted, seen[-1].exit_code) == (True, 99)


async def test_what_a_play_says_of_gathering_reaches_setup(play: Callable[..., Any]) -> None:
    text = "- hosts: all\n  gather_subset: [min]\n  gather_timeout: 7\n  fact_path: /opt/facts\n  tasks: []\n"
    played = await play(text, hosts="a\n")
    (call,) = [call for _, call, _ in played.pool.calls if call.module == "setup"]
    assert call.args == {"gather_subset": ["min"], "gather_timeout": 7, "fact_path": "/opt/facts"}


@pytest.mark.parametrize("limit", ["{{ 1 - 2 }}", "{{ 'many' }}"])
async def test_a_limit_that_is_no_number_ends_the_run_before_its_first_task(
    play: Callable[..., Any], limit: str
) -> None:
    with pytest.raises(TemplateError, match="Error processing keyword 'max_fail'"):
        await play(f'- hosts: all\n  gather_facts: false\n  max_fail: "{limit}"\n  tasks: [ping: ]\n', hosts="a\n")
