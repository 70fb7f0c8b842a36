"""Whether a run could be left half-done by a template that fails; told without looking into any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stella_ops.playbook.keywords import is_template
from stella_ops.playbook.model import Playbook, Task, walk_tasks

# What leaves hosts as they are.
HARMLESS = frozenset(
    {"add_host", "assert", "async_status", "debug", "fail", "find", "gather_facts", "getent", "group_by"}
    | {"include_role", "include_tasks", "include_vars", "meta", "package_facts", "pause", "ping", "service_facts"}
    | {"set_fact", "set_stats", "setup", "slurp", "stat", "validate_argument_spec", "wait_for", "wait_for_connection"}
)


def could_be(books: Sequence[Playbook]) -> bool:
    """Whether there is a template behind a task that changes something."""
    changed = False
    for task in _tasks(books):
        if changed and (task.action == "template" or any(map(is_template, _texts([task.args, task.loop])))):
            return True
        changed = changed or task.action not in HARMLESS
    return False


def _tasks(books: Sequence[Playbook]) -> Iterator[Task]:
    for book in books:
        for play in book.plays:
            for _, steps in play.sections():
                yield from walk_tasks(steps)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
