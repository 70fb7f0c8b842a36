"""A playbook of one task, for commands that run one thing on many hosts."""

from __future__ import annotations

from typing import Any

from stella_ops.origins import Origin
from stella_ops.playbook.model import Inherited, Play, Playbook, Task


def single_task(pattern: str, action: str, args: dict[str, Any]) -> Playbook:
    """One task on the hosts of a pattern, without facts."""
    origin = Origin("command line")
    task = Task(name=None, action=action, args=args, origin=origin, inherited=Inherited())
    play = Play(name="Ad hoc", hosts=pattern, origin=origin, inherited=Inherited(), gather_facts=False, tasks=[task])
    return Playbook(path="command-line", plays=[play])
