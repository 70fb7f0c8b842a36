"""Which files of the controller a host's tasks cannot change, where that host is the same machine.

Tasks that are sent ahead read them before the tasks in front of them have run; see ``ahead.py``.
"""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from stella_ops.playbook.model import Task
from stella_ops.templating.scope import is_template


def is_out_of_reach(task: Task, account: str) -> bool:
    """Whether the one file that a task sends is named, is there, and is none that an account may change.

    Owners and modes tell; a command that becomes root by itself (``sudo`` inside it, not ``become``) is not foreseen.

    Args:
        account: the user that tasks act as on this machine.
    """
    source = task.args.get("src")
    if not isinstance(source, str) or is_template(source) or not Path(source).is_absolute():
        return False
    try:
        who = pwd.getpwnam(account)
        if who.pw_uid in (0, os.geteuid()) or not Path(source).is_file():
            return False
        groups = set(os.getgrouplist(account, who.pw_gid))
        # Links may be anybody's on the way; what they lead to counts as well.
        ways = {Path(os.path.normpath(source)), Path(source).resolve()}
        return not any(_may_change(way, who.pw_uid, groups) for way in ways)
    except (KeyError, OSError):
        return False


def _may_change(path: Path, user: int, groups: set[int]) -> bool:
    """Whether a user may write a file, or put another one in its place or in that of a folder above it."""
    for place in (path, *path.parents):
        found = place.lstat()
        if found.st_uid == user:
            return True
        # In a folder with the sticky bit, such as /tmp, what is another's stays.
        if stat.S_ISLNK(found.st_mode) or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
            continue
        if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and found.st_gid in groups):
            return True
    return False
