from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import pytest

from stella_ops.cli.modules import module_index
from stella_ops.engine.path import Path
from stella_ops.engine.play_runner import gathering
from stella_ops.playbook.model import Play, walk_tasks
from stella_ops.playbook.parser import load_playbook

TEXT = """
- hosts: all
  pre_tasks:
    - {name: pre, ping: }
  tasks:
    - {name: one, ping: }
    - block:
        - {name: body, ping: }
        - block: [{name: inner, ping: }]
          rescue: [{name: deep rescue, ping: }]
      rescue: [{name: rescue, ping: }, {name: more rescue, ping: }]
      always: [{name: always, ping: }]
    - {name: two, ping: }
  post_tasks:
    - {name: post, ping: }
"""


@pytest.fixture
def load(tmp_path: File) -> Callable[[str], Play]:
    def read(text: str) -> Play:
        path = tmp_path / "play.yml"
        path.write_text(text)
        [play] = load_playbook(path, modules=module_index(())).plays
        return play

    return read


def after(play: Play, name: str, first: Any = None) -> list[str | None]:
    path = Path(play, first)
    tasks = [task for _, steps in play.sections() for step in steps for task in walk_tasks([step])]
    [task] = [task for task in [*tasks, *([first] if first else [])] if task.name == name]
    return [task.name for task in path.after(task)]


def test_the_way_when_all_goes_well(load: Any) -> None:
    play = load(TEXT)
    assert after(play, "pre") == ["one", "body", "inner", "always", "two", "post"]
    assert after(play, "always") == ["two", "post"]
    assert after(play, "post") == []


def test_a_rescue_section_is_not_on_the_way(load: Any) -> None:
    play = load(TEXT)
    assert after(play, "rescue") == after(play, "more rescue") == after(play, "deep rescue") == []


def test_handlers_may_come_between_sections(load: Any) -> None:
    play = load(TEXT + "  handlers: [{name: h, ping: }]\n")
    assert after(play, "pre") == []
    assert after(play, "one") == ["body", "inner", "always", "two"]


def test_facts_come_first(load: Any) -> None:
    play = load(TEXT)
    assert after(play, "Gathering Facts", gathering(play))[:2] == ["pre", "one"]


def test_a_task_of_elsewhere_has_no_way(load: Any) -> None:
    play = load(TEXT)
    assert Path(play, None).after(gathering(play)) == ()
