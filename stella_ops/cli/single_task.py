"""A playbook of one task, for commands that run one thing on many hosts."""

from __future__ import annotations

from typing import Any

from stella_ops.origins import Origin
from stella_ops.playbook.model import Inherited, Play, Playbook, Step, Task

_ORIGIN = Origin("command line")


def single_task(pattern: str, action: str, args: dict[str, Any]) -> Playbook:
    """One task on the hosts of a pattern, without facts."""
    return single_step(pattern, Task(name=None, action=action, args=args, origin=_ORIGIN, inherited=Inherited()))


def single_step(pattern: str, step: Step, path: str = "command-line") -> Playbook:
    """The same of a task that was read already.

    Args:
        path: the file that the playbook would be; what lies beside it counts.
    """
    play = Play(
        name="Ad hoc", hosts=pattern, origin=_ORIGIN, inherited=Inherited(), gather_facts=False, tasks=[step], path=path
    )
    return Playbook(path=path, plays=[play])
