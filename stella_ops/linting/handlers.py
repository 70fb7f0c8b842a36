"""Rules for handlers: every notification has one that hears it, and every handler one that notifies it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stella_ops.engine.handlers import heard
from stella_ops.linting.subject import PlaySubject, Subject, texts
from stella_ops.origins import origin_of
from stella_ops.playbook.keywords import is_template
from stella_ops.playbook.model import Handler, Task
from stella_ops.spelling import did_you_mean


def check(subject: Subject) -> None:
    """Look at each play."""
    for play in subject.plays:
        topics = list(_topics(play))
        if not play.handlers_open:
            _unheard(subject, play, topics)
            _unused(subject, play, topics)


def _topics(play: PlaySubject) -> Iterator[tuple[Task, Any]]:
    for site in play.sites:
        for topic in site.task.notify:
            yield site.task, topic


def _lost_topics(subject: Subject) -> set[str]:
    """What the tasks notify that could not be read."""
    found: set[str] = set()
    for raw in subject.lost:
        notified = raw.get("notify")
        found.update(map(str, notified if isinstance(notified, list) else [notified]))
    return found


def _unheard(subject: Subject, play: PlaySubject, topics: list[tuple[Task, Any]]) -> None:
    if any(is_template(handler.name) for handler in play.handlers):
        return
    known = {name for handler in play.handlers for name in names_of(handler)}
    for task, topic in topics:
        if not is_template(topic) and topic not in known:
            subject.findings.add(
                "unknown-handler",
                f"no handler is named '{topic}' or listens to it",
                origin_of(topic) or task.origin,
                hint=did_you_mean(topic, known) or "name it under 'handlers' of the play or of a role",
            )


def _unused(subject: Subject, play: PlaySubject, topics: list[tuple[Task, Any]]) -> None:
    if any(is_template(topic) for _, topic in topics) or _notified_otherwise(play):
        return
    notified = {str(topic) for _, topic in topics} | _lost_topics(subject)
    for handler in play.handlers:
        names = names_of(handler)
        if names & notified or is_template(handler.name) or any(is_template(topic) for topic in handler.listen):
            continue
        where = origin_of(handler.name) or handler.origin
        severity: Any = "hint" if handler.inherited.role is not None else None
        said = f"the handler '{handler.name}'" if handler.name else "a handler without a name"
        hint = "notify it, or remove it"
        subject.findings.add("unused-handler", f"nothing notifies {said}", where, hint=hint, severity=severity)


def idle(subject: Subject, play: PlaySubject) -> set[int]:
    """The ids of the handlers, as tasks, that nothing which runs is seen to notify."""
    lost = _lost_topics(subject)
    if _notified_otherwise(play) or any(map(is_template, lost)):
        return set()
    waiting = {id(site.task): site.task for site in play.sites if site.handler and isinstance(site.task, Handler)}
    topics = {str(topic) for site in play.sites if id(site.task) not in waiting for topic in site.task.notify} | lost
    while True:
        if any(map(is_template, topics)):
            return set()
        heard = [key for key, handler in waiting.items() if _may_hear(handler, topics)]
        if not heard:
            return set(waiting)
        topics = {str(topic) for key in heard for topic in waiting.pop(key).notify}


def _may_hear(handler: Handler, topics: set[str]) -> bool:
    return bool(names_of(handler) & topics) or any(map(is_template, (handler.name, *handler.listen)))


def _notified_otherwise(play: PlaySubject) -> bool:
    """Whether some task hands topics on by way of ``apply`` or variables."""
    return any(
        site.task.include is not None and "notify" in str(site.task.include.apply) for site in play.sites
    ) or any("notify" in str(text) for site in play.sites for text in texts(site.task.inherited.vars))


def names_of(handler: Handler) -> set[str]:
    """What a handler may be notified by; those of roles also with the role's name before."""
    names = {str(topic) for topic in heard(handler)}
    if handler.name:
        names.add(str(handler.name))
        role = handler.inherited.role
        if role is not None:
            names |= {f"{name}{colon}{handler.name}" for name in (role.name, role.short) for colon in (" : ", ": ")}
    return names
