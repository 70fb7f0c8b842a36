"""``--list-hosts``, ``--list-tasks``, ``--list-tags`` and ``--syntax-check``, in ansible-playbook's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stella_ops.cli.ansible_programs import called_as_ansible
from stella_ops.cli.workplace import Workplace
from stella_ops.engine.play_hosts import may_add_hosts, pattern_terms, play_hosts, play_pattern, play_title
from stella_ops.engine.tags import is_selected
from stella_ops.playbook.model import Play, Playbook, Task, walk_tasks
from stella_ops.playbook.problems import PlaybookProblems
from stella_ops.templating.templar import Templar


def list_playbook(
    book: Playbook, workplace: Workplace, *, hosts: bool = False, tasks: bool = False, tags: bool = False
) -> str:
    """What a playbook would do, as text."""
    lines = ["", f"playbook: {book.path}"]
    if book.problem is not None:
        raise book.problem
    if wrong := [problem for play in book.plays for problem in play.wrong]:
        raise PlaybookProblems(wrong)
    if not (hosts or tasks or tags):
        for play in book.plays:  # a play whose name or hosts cannot be told is no valid one
            play_title(play, workplace.inventory, workplace.options, Templar())
            play_pattern(play, workplace.inventory, workplace.options, Templar())
    else:
        grown = False
        for number, play in enumerate(book.plays, 1):
            own = ",".join(sorted(play.inherited.tags))
            templar = Templar()
            terms = pattern_terms(play_pattern(play, workplace.inventory, workplace.options, templar))
            named = play_title(play, workplace.inventory, workplace.options, templar)
            lines += ["", f"  play #{number} ({','.join(terms)}): {named}\tTAGS: [{own}]"]
            if hosts or workplace.inventory.mismatch == "warning":
                found = play_hosts(play, workplace.inventory, workplace.options, templar, grown=grown)
            if hosts:
                lines += [f"    pattern: {terms}", f"    hosts ({len(found)}):", *(f"      {host}" for host in found)]
            grown = grown or may_add_hosts(play)
            listed = _listed(play, workplace, everything=tags)
            if tasks:
                lines += ["    tasks:", *_tasks(listed)]
            if tags:
                every = play.inherited.tags.union(*(task.inherited.tags for task in listed))
                lines.append(f"      TASK TAGS: [{', '.join(sorted(every))}]")
    return "\n".join(lines) + "\n"


def _tasks(listed: Iterable[Task]) -> Iterator[str]:
    for task in listed:
        # As ansible-core lists them: the role stands before names alone.
        title = task.title if task.name else task.written or task.action
        yield f"      {title}\tTAGS: [{', '.join(sorted(task.inherited.tags))}]"


def _listed(play: Play, workplace: Workplace, *, everything: bool) -> list[Task]:
    """The tasks that tags leave; where everything is wanted, what never runs by itself is there too."""
    options = workplace.options
    everything = everything and options.tags == ("all",) and not options.skip_tags
    return [
        task
        for _, written in play.sections()
        for task in walk_tasks(written, bodies_alone=called_as_ansible())
        if everything or is_selected(task.inherited.tags, options.tags, options.skip_tags)
    ]
