"""``--list-hosts``, ``--list-tasks`` and ``--syntax-check``, in ansible-playbook's words."""

from __future__ import annotations

from collections.abc import Iterator

from stella_ops.cli.execution import Workplace
from stella_ops.engine.play_hosts import play_hosts, play_pattern
from stella_ops.engine.tags import is_selected
from stella_ops.playbook.model import Play, Playbook, walk_tasks
from stella_ops.templating.templar import Templar


def list_playbook(book: Playbook, workplace: Workplace, *, hosts: bool, tasks: bool) -> str:
    """What a playbook would do, as text."""
    lines = ["", f"playbook: {book.path}"]
    if hosts or tasks:
        for number, play in enumerate(book.plays, 1):
            tags = ", ".join(sorted(play.inherited.tags))
            pattern = ",".join(play.hosts) if isinstance(play.hosts, list) else str(play.hosts)
            lines += ["", f"  play #{number} ({pattern}): {play.title}\tTAGS: [{tags}]"]
            if hosts:
                lines += _hosts(play, workplace)
            if tasks:
                lines += ["    tasks:", *_tasks(play, workplace)]
    return "\n".join(lines) + "\n"


def _hosts(play: Play, workplace: Workplace) -> Iterator[str]:
    templar = Templar()
    pattern = play_pattern(play, workplace.inventory, workplace.options, templar)
    found = play_hosts(play, workplace.inventory, workplace.options, templar)
    shown = pattern if isinstance(pattern, list) else [str(pattern)]
    yield f"    pattern: {shown}"
    yield f"    hosts ({len(found)}):"
    for host in found:
        yield f"      {host}"


def _tasks(play: Play, workplace: Workplace) -> Iterator[str]:
    for _, steps in play.sections():
        for task in walk_tasks(steps):
            if is_selected(task.inherited.tags, workplace.options.tags, workplace.options.skip_tags):
                tags = ", ".join(sorted(task.inherited.tags))
                yield f"      {task.title}\tTAGS: [{tags}]"
