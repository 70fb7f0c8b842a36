"""How much a run has to do, as it is told at its start."""

from __future__ import annotations

from typing import Any

import pytest

from stella_ops.engine.events import HostFinished, PlayStarted, RunStarted

PLAYS = """
- hosts: all
  gather_facts: GATHER
  pre_tasks:
    - ping:
  tasks:
    - block:
        - command: a
          tags: [one]
        - command: b
      rescue:
        - command: only after a failure
      always:
        - command: c
    - meta: flush_handlers
    - command: never
      tags: [never]
  post_tasks:
    - ping:
  handlers:
    - name: h
      command: only when notified
- hosts: a
  gather_facts: false
  tasks:
    - ping:
- hosts: nobody
  gather_facts: false
  tasks:
    - ping:
"""


@pytest.mark.parametrize(
    ("gather", "options", "of_host", "total"),
    [
        ("false", {}, 5, 11),
        ("true", {}, 6, 13),
        ("false", {"tags": ("one",)}, 1, 2),
        ("false", {"skip_tags": ("one",)}, 4, 9),
    ],
)
async def test_what_is_known_at_the_start_comes_to_pass(
    play: Any, gather: str, options: Any, of_host: int, total: int
) -> None:
    played = await play(PLAYS.replace("GATHER", gather), hosts="[all]\na\nb\n[nobody]\n", **options)
    [started] = played.seen.of(RunStarted)
    assert started.tasks_total == total
    assert [event.tasks for event in played.seen.of(PlayStarted)][:1] == [of_host]
    assert len(played.seen.of(HostFinished)) == total
