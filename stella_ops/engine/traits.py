"""Which tasks, and items of loops, may be begun ahead of their turn, as far as the playbook tells; see ``ahead.py``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stella_ops import content
from stella_ops.actions.registry import action_names, is_collected
from stella_ops.engine.options import RunOptions
from stella_ops.playbook.model import Task
from stella_ops.templating.scope import is_template

# Actions that ask the host once at the most, and have no effect on the controller.
_PLAIN_ACTIONS = frozenset(
    {"agent_checkpoint", "agent_preflight", "assemble", "assert", "copy", "debug", "script", "template", "unarchive"}
)
# Those whose files are the controller's.
_READERS = frozenset({"assemble", "copy", "script", "template", "unarchive"})
# The built-in modules that return facts. What setup returns is named ansible_…, the others' facts may have any name.
_FACTS = "setup"
FACT_MODULES = frozenset({_FACTS, "getent", "hostname", "mount_facts", "package_facts", "service_facts"})
_PREFIXES = ("ansible_", "stella_")


class Traits:
    """Looks at a play's tasks, each once.

    Args:
        knows_topic: whether the play has a handler of that name, or one that listens to it.
    """

    def __init__(self, options: RunOptions, knows_topic: Callable[[str], bool]) -> None:
        self._folders = options.module_folders
        self._knows_topic = knows_topic
        self._known: dict[int, tuple[bool, bool]] = {}

    def may_lead(self, task: Task) -> bool:
        """Whether tasks may be sent to follow it: the host can tell as well as we whether it went well."""
        return self._look(task)[0]

    def may_follow(self, task: Task) -> bool:
        """Whether it may be sent before its turn: all that is decided about it is decided before it runs."""
        return self._look(task)[1]

    def gathers_facts(self, task: Task) -> bool:
        """Whether it changes the host's facts."""
        return task.action == _FACTS

    def reads_controller(self, task: Task) -> bool:
        """Whether it may send a file of the controller."""
        return task.action in _READERS and "content" not in task.args

    def _look(self, task: Task) -> tuple[bool, bool]:
        known = self._known.get(id(task))
        if known is None:
            known = self._known[id(task)] = self._make(task)
        return known

    def _make(self, task: Task) -> tuple[bool, bool]:
        single = (
            task.loop is None
            and _is_single(task, tuple(self._folders))
            and task.inherited.run_once in (None, False)
            and not str(task.register or "").startswith(_PREFIXES)
            and all(isinstance(t, str) and not is_template(t) and self._knows_topic(t) for t in task.notify)
        )
        if not single:
            return False, False
        # After a connection that broke nobody knows what has run: no other task may count on it then.
        judged_here = task.failed_when is not None or task.inherited.ignore_unreachable not in (None, False)
        tells = task.action in FACT_MODULES and task.action != _FACTS
        return not judged_here and not tells, _is_decided(task)


def items_may_follow(task: Task, folders: Sequence[Path]) -> bool:
    """Whether the items of a task's loop may be sent before those ahead of them are answered.

    Nothing that is evaluated after an item has run may need that it is its turn: it would run again.

    Args:
        folders: with modules of the operator's own.
    """
    return (
        _is_single(task, tuple(folders))
        and task.action not in FACT_MODULES
        and task.loop_pause is None
        and not task.loop_break_when
        and _is_decided(task)
        and task.inherited.ignore_unreachable in (None, False)
    )


def _is_single(task: Task, folders: tuple[Path, ...]) -> bool:
    """Whether a task, or an item of it, is done with one call on its own host."""
    return (
        _is_plain(task.action, folders)
        and not task.until
        and task.asynchronous is None
        and task.retries is None
        and task.inherited.delegate_to is None
        and _is_settled(task.changed_when)
    )


def _is_decided(task: Task) -> bool:
    """Whether it is decided before it runs how its result is judged."""
    return (
        _is_settled(task.failed_when)
        and not _has_template(task.inherited.ignore_errors)
        and not _has_template(task.inherited.ignore_unreachable)
    )


@functools.lru_cache(maxsize=1024)
def _is_plain(name: str, folders: tuple[Path, ...]) -> bool:
    """Whether an action or module asks the host once, and changes nothing but the host.

    Args:
        folders: with modules of the operator's own. What those return, and leave behind, is not known.
    """
    if name in action_names() or is_collected(name):
        return name in _PLAIN_ACTIONS
    path = content.module_path(name, folders)
    return path is not None and path.parent == content.builtin_folder("modules")


def _is_settled(conditions: list[Any] | None) -> bool:
    """Whether conditions are plain truths, and need no variable."""
    return conditions is None or all(isinstance(condition, bool) for condition in conditions)


def _has_template(value: Any) -> bool:
    return isinstance(value, str) and is_template(value)
