"""``ansible_failed_task``: what a rescue section is told of the task that failed."""

from __future__ import annotations

from typing import Any

from stella_ops.playbook.model import Task

_SAME = (
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "any_errors_fatal",
    "check_mode",
    "connection",
    "delegate_facts",
    "diff",
    "environment",
    "ignore_errors",
    "ignore_unreachable",
    "module_defaults",
    "no_log",
    "port",
    "remote_user",
    "run_once",
    "throttle",
    "timeout",
    "when",
)


def failed_task(task: Task, name: str, arguments: dict[str, Any] | None, delegate: str | None) -> dict[str, Any]:
    """A task as a value: what is not rendered by now is the text that is written, and no template any more.

    Args:
        name: rendered; empty where the task has none.
        arguments: rendered, or None where it did not come that far, or had a loop.
        delegate: the host that it ran on in place of its own.
    """
    keywords = task.inherited
    told: dict[str, Any] = {
        "name": name,
        "action": task.written or task.action,
        "_resolved_action": task.action if "." in task.action else f"ansible.builtin.{task.action}",
        "args": _plain(task.args) if arguments is None else arguments,
        "async": task.asynchronous or 0,
        "poll": 15 if task.poll is None else task.poll,
        "changed_when": task.changed_when or [],
        "failed_when": task.failed_when or [],
        "delay": 5 if task.delay is None else task.delay,
        "retries": task.retries,
        "until": task.until,
        "delegate_to": delegate or keywords.delegate_to,
        "loop": task.loop,
        "loop_control": {"loop_var": task.loop_var, "index_var": task.loop_index_var, "label": task.loop_label},
        "notify": task.notify or None,
        "register": task.register,
        "tags": sorted(keywords.tags),
        "vars": keywords.vars[-1] if keywords.vars else {},
    }
    told.update((each, getattr(keywords, each)) for each in _SAME)
    return {each: value if each == "args" else _plain(value) for each, value in told.items()}


def _plain(value: Any) -> Any:
    """A value whose texts are data."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return {_plain(name): _plain(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    return value
