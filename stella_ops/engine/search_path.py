"""Where a task's relative files are looked for."""

from __future__ import annotations

from pathlib import Path

from stella_ops.playbook.model import Task


def search_path(task: Task, ends_with: list[Path]) -> list[Path]:
    """As ansible-core's ``ansible_search_path``: the role and those that use it, the folder of the task's file."""
    inherited = task.inherited
    if inherited.role is None and inherited.folder is None:
        return ends_with
    role = inherited.role
    found = [] if role is None else [Path(each.folder) for each in (role, *reversed(role.chain))]
    if inherited.folder is not None:
        found.append(Path(inherited.folder))
    return list(dict.fromkeys([*found, *ends_with]))
