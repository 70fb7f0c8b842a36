"""Rules for what runs and what is used: tasks behind an end, results that nobody looks at."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stella_ops.linting.expressions import Parsed
from stella_ops.linting.subject import Subject, is_true, texts
from stella_ops.linting.texts import texts_of
from stella_ops.origins import Origin, SourceText
from stella_ops.places import locate_key
from stella_ops.playbook.model import Block, Step, Task

_ENDS = ("end_play", "end_host", "end_batch", "end_role")
_WORD = re.compile(r"[A-Za-z_]\w*")


def check(subject: Subject) -> None:
    """Look at each play's steps, and at what is registered in all of them."""
    for play in subject.plays:
        for steps in play.sections:
            _ends(subject, steps, dealt=False)
    if not any(play.handlers_open for play in subject.plays):
        _unused(subject)


def _ends(subject: Subject, steps: Iterable[Step], *, dealt: bool) -> str | None:
    """Note the first step behind an unconditional end; what the end is, if there is one."""
    ended: str | None = None
    for step in steps:
        if ended is not None:
            subject.findings.add(
                "unreachable-task",
                f"this never runs: {ended} ends everything before it",
                step.origin,
                hint="give the end a condition (when), or remove what stands behind it",
            )
            return ended
        if isinstance(step, Block):
            inside = _ends(subject, step.body, dealt=dealt or bool(step.rescue))
            _ends(subject, step.rescue, dealt=dealt)
            _ends(subject, step.always, dealt=dealt)
            ended = None if step.role is not None and inside and "end_role" in inside else inside
        else:
            ended = _end(step, dealt)
    return ended


def _end(task: Task, dealt: bool) -> str | None:
    """What a task is, where it ends everything for all hosts without a condition."""
    if task.inherited.tags or task.loop is not None or not all(map(is_true, task.inherited.when)):
        return None
    if task.action == "meta" and str(task.args.get("_raw_params", "")).strip() in _ENDS:
        return f"'meta: {str(task.args['_raw_params']).strip()}' at line {task.origin.line}"
    ignored = task.inherited.ignore_errors not in (None, False) or task.failed_when is not None
    if task.action == "fail" and not dealt and not ignored:
        return f"'fail' at line {task.origin.line}"
    return None


def _unused(subject: Subject) -> None:
    used = _words(subject)
    told: set[Origin] = set()
    for _, site in subject.sites():
        task = site.task
        name = task.register
        if not name or name.startswith("_") or name in used or site.included or task.inherited.role is not None:
            continue
        where = locate_key(task.origin, "register", name)
        if where not in told:
            told.add(where)
            hint = "remove 'register', or begin the name with '_' where that is meant"
            subject.findings.add("unused-register", f"the result '{name}' is never used", where, hint=hint)


def _words(subject: Subject) -> set[str]:
    """Every name that a template, a condition or a template file may mean."""
    used: set[str] = set(subject.mentioned)
    for raw in subject.lost:
        _add_words(used, texts(raw))
        used.update(_WORD.findall(str(raw.get("when"))))
    for _, site in subject.sites():
        for text in texts_of(site.task):
            parsed: Parsed = text.parsed()
            used.update(use.name for use in parsed.uses)
            used.update(word for constant in parsed.constants for word in _WORD.findall(constant))
        _add_words(used, texts([site.task.inherited.vars, site.task.inherited.params, site.task.loop]))
    for play in subject.plays:
        _add_words(used, texts(play.play.vars))
        for role in play.roles:
            _add_words(used, texts([role.vars, role.defaults, role.params, role.given]))
        for view in play.views:
            for loaded in view.variables.files.values():
                _add_words(used, texts(loaded))
            for host in view.hosts[:1]:
                _add_words(used, texts(subject.inventory.variables(host, play.folder)))
    return used


def _add_words(used: set[str], found: Iterable[SourceText]) -> None:
    for text in found:
        if "{" in text:
            used.update(_WORD.findall(str.__str__(text)))
