"""What the harness and its tools know of each other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

# The benchmarks are no part of the installed package; they stand beside it in the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.report import BASE
from benchmarks.rounds import can, host_count
from benchmarks.tools.base import Site
from benchmarks.tools.playbook import write_playbook
from benchmarks.tools.registry import TOOLS
from benchmarks.works import delay, play, scale
from benchmarks.works.registry import WORKS
from benchmarks.works.steps import Work


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_what_is_asked_is_asked_of_tools_that_do_the_work(work: Work) -> None:
    assert can(TOOLS[BASE], work)
    for part in work.parts:
        for name in {*part.asked, *part.trips_asked}:
            assert can(TOOLS[name], work), f"{name} is asked in {part.name}"
        if part.base is not None:
            assert part.base in [other.name for other in work.parts]
            assert part.delay


def test_the_goals_of_the_plays_are_those_that_were_set() -> None:
    assert all(part.asked == {"pyinfra": 2.4, "ansible": 30, "mitogen": 10, "bare": 0.5} for part in play.WORK.parts)
    assert delay.WORK.parts[1].trips_asked == {"stella-ops": 30, "stella-pipelined": 14}
    goals = {name: WORKS[name].parts[0].asked["pyinfra"] for name in ("ping", "commands", "file")}
    assert goals == {"ping": 1.3, "commands": 5.0, "file": 2.0}
    assert all(part.asked["bare"] == 0.5 for work in WORKS.values() for part in work.parts if part.asked)


def test_tools_name_works_that_there_are() -> None:
    for tool in TOOLS.values():
        assert (tool.works or set()) <= set(WORKS), tool.name
    assert not can(TOOLS["ansible"], scale.WORK)


def test_the_number_of_hosts_is_for_works_with_more_than_one() -> None:
    assert [host_count(work, 7) for work in (scale.WORK, delay.WORK)] == [7, 1]
    assert [host_count(work, None) for work in (scale.WORK, delay.WORK)] == [500, 1]


@pytest.mark.parametrize(("strategy", "shown"), [(None, {}), ("pipelined", {"strategy": "pipelined"})])
def test_the_playbook_is_the_same_but_for_its_strategy(
    strategy: str | None, shown: dict[str, Any], tmp_path: Path
) -> None:
    site = Site(hosts=(), variables={}, folder=tmp_path, home=tmp_path, materials=tmp_path)
    (plain,) = yaml.safe_load(write_playbook(delay.WORK, site).read_text())
    (made,) = yaml.safe_load(write_playbook(delay.WORK, site, strategy=strategy).read_text())
    assert made == {**plain, **shown}
    assert len(made["tasks"]) == 21
