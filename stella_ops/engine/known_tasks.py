"""How much a play has to do, as far as its playbook tells: for progress and estimates."""

from __future__ import annotations

from stella_ops.engine.options import RunOptions
from stella_ops.engine.steps import tasks_of
from stella_ops.engine.tags import is_selected
from stella_ops.playbook.model import Play


def known_tasks(play: Play, options: RunOptions) -> int:
    """How many tasks a host of a play goes through when nothing fails.

    What is included while the play runs, and which handlers will, shows only then: they are not counted.
    """
    gathers = play.gather_facts not in (False, None) or (play.gather_facts is None and options.gathering != "explicit")
    tasks = (task for _, steps in play.sections() for task in tasks_of(steps))
    return int(gathers) + sum(
        task.action != "meta" and is_selected(task.inherited.tags, options.tags, options.skip_tags) for task in tasks
    )
