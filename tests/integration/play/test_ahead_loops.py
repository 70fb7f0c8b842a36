"""Items of loops that are sent before those ahead of them are answered, on real hosts over SSH: each runs once."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from stella_ops.engine.events import HostFinished, ItemFinished
from stella_ops.lab.fault_proxy import FaultProxy

rows = sys.modules["tests_integration_play_rows"]  # loaded by conftest.py
log, logged, statuses = rows.log, rows.logged, rows.statuses

pytestmark = [pytest.mark.integration, pytest.mark.openssh, pytest.mark.usefixtures("no_ssh_agent")]
LETTERS = list("abcdefgh")


def looped(then: str = "true", **keywords: Any) -> dict[str, Any]:
    """A task that leaves each item in the log."""
    return {**log("{{ item }}", then, loop=LETTERS, register="r", **keywords), "name": "loop"}


def items(played: Any) -> list[tuple[str, str]]:
    return [(str(event.item), event.status) for event in played.of(ItemFinished)]


async def test_they_run_in_order(play: Any, ahead: list[str]) -> None:
    show = {"debug": {"msg": "{{ r.results | map(attribute='item') | join }}"}}
    played = await play([looped(), show, log("after")])
    assert logged(played) == [*LETTERS, "after"]
    assert items(played) == [(letter, "changed") for letter in LETTERS]
    assert ahead.count("shell") == len(LETTERS) - 1
    assert played.of(HostFinished)[1].result["msg"] == "abcdefgh"


async def test_behind_one_that_fails_the_others_run_once(play: Any, ahead: list[str]) -> None:
    played = await play([looped("[ {{ item }} != c ] && [ {{ item }} != d ] && sleep 0.05"), log("never")])
    assert logged(played) == LETTERS
    assert [status for _, status in items(played)] == ["failed" if letter in "cd" else "changed" for letter in LETTERS]
    assert len(ahead) > 4
    assert statuses(played) == ["failed"] and played.code == 2
    assert not played.complaints


@pytest.mark.parametrize("judged", [{"failed_when": False}, {"ignore_errors": True}, {"changed_when": False}])
async def test_what_is_judged_beforehand(play: Any, judged: dict[str, Any]) -> None:
    played = await play([looped("[ {{ item }} != c ]", **judged), log("after")])
    expected = [*LETTERS, "after"] if "changed_when" not in judged else LETTERS
    assert logged(played) == expected


async def test_what_is_judged_by_the_result_waits(play: Any, ahead: list[str]) -> None:
    played = await play([looped("exit 3", failed_when="r.rc == 4")])
    assert logged(played) == LETTERS and not ahead
    assert statuses(played) == ["changed"]


async def test_items_that_are_skipped_in_between(play: Any, ahead: list[str]) -> None:
    played = await play([looped(when="item not in 'adeh'")])
    assert logged(played) == list("bcfg")
    assert items(played) == [(one, "skipped" if one in "adeh" else "changed") for one in LETTERS]
    assert ahead


async def test_an_item_that_cannot_be_rendered(play: Any) -> None:
    played = await play(
        [
            looped(
                vars={"extra": "{{ {'a': 1, 'b': 2}[item] if item < 'd' else item }}"}, environment={"X": "{{ extra }}"}
            )
        ]
    )
    assert logged(played) == [one for one in LETTERS if one != "c"]
    assert [status for _, status in items(played)] == ["failed" if one == "c" else "changed" for one in LETTERS]


async def test_lookups_with_an_effect_wait_for_their_turn(play: Any, tmp_path: Path) -> None:
    effect = f"{{{{ lookup('pipe', 'echo ' ~ item ~ ' >> {tmp_path}/effect') }}}}"
    played = await play([looped(environment={"X": effect})])
    assert logged(played) == LETTERS
    assert (tmp_path / "effect").read_text().split() == LETTERS


@pytest.mark.parametrize(
    ("then", "keywords"),
    [("sleep 60", {"timeout": 1}), ("kill -9 $PPID", {})],
    ids=["a timeout", "a crash"],
)
async def test_one_that_ends_badly(play: Any, then: str, keywords: dict[str, Any]) -> None:
    played = await play([looped(f"[ {{{{ item }}}} != c ] || {then}", **keywords)])
    assert logged(played) == LETTERS
    assert [status for _, status in items(played)] == ["failed" if one == "c" else "changed" for one in LETTERS]


async def test_a_connection_that_is_cut(play: Any, openssh_lab: Any, root: Path) -> None:
    """What has run stays, the rest does not run later."""
    host = openssh_lab.hosts[0]
    async with FaultProxy(host.address, host.port) as proxy:

        async def cut() -> None:
            while not (root / "now").exists():
                await asyncio.sleep(0.01)
            proxy.cut()

        cutting = asyncio.create_task(cut())
        then = "[ {{ item }} != c ] || { touch {{ root }}/now; exec sleep 60; }"
        played = await play([looped(then)], address=("127.0.0.1", proxy.port))
        await cutting
    assert logged(played) == ["a", "b", "c"]
    assert statuses(played) == ["unreachable"] and played.code == 4


async def test_files_of_a_loop(play: Any, ahead: list[str]) -> None:
    contents = {letter: letter * 20_000 for letter in LETTERS}
    tasks = [
        {"copy": {"content": "{{ item.value }}", "dest": "{{ root }}/{{ item.key }}"}, "with_dict": contents},
        {"stat": {"path": "{{ root }}/{{ item }}"}, "loop": LETTERS, "register": "r"},
        {"assert": {"that": "r.results | map(attribute='stat.size') | unique == [20000]"}},
    ]
    played = await play(tasks)
    assert played.code == 0
    assert {name: played.files[name][0].decode() for name in LETTERS} == contents
    # A copy whose content has to be asked for takes its turn.
    assert ahead.count("copy") >= ahead.count("stat") == len(LETTERS) - 1


async def test_what_is_hidden_stays_hidden(play: Any) -> None:
    played = await play([looped("echo ginger-{{ item }}", no_log=True)])
    assert "ginger" not in repr(played.raw) and len(items(played)) == len(LETTERS)


async def test_a_loop_of_many(play: Any, ahead: list[str]) -> None:
    """More than may be on their way at once; with where each stands in the loop."""
    task = {**log("{{ index }}"), "name": "many", "loop": "{{ range(100) | list }}"}
    task["loop_control"] = {"index_var": "index", "extended": True, "label": "{{ ansible_loop.revindex }}"}
    played = await play([task])
    assert logged(played) == [str(number) for number in range(100)]
    assert [item for item, _ in items(played)] == [str(number) for number in range(100, 0, -1)]
    assert len(ahead) == 99
