"""Rules for modules' parameters, beyond those of the parser: types, choices of lists, and what excludes each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stella_ops.actions.arguments import convert
from stella_ops.errors import PlaybookError
from stella_ops.linting.rules import Severity
from stella_ops.linting.subject import Site, Subject, texts
from stella_ops.origins import Origin, SourceVault, origin_of
from stella_ops.places import locate_key
from stella_ops.playbook.keywords import is_template, spoken
from stella_ops.playbook.model import Task
from stella_ops.spelling import did_you_mean

_SPOKEN = {"bool": "true or false", "int": "a whole number", "float": "a number", "list": "a list", "dict": "a mapping"}
# As their own code refuses them.
_EXCLUSIVE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "apt": (("deb", "name", "upgrade"),),
    "apt_key": (("data", "file", "keyserver", "url"),),
    "blockinfile": (("insertbefore", "insertafter"),),
    "copy": (("src", "content"),),
    "cron": (("insertafter", "insertbefore"),),
    "debug": (("msg", "var"),),
    "dnf": (("name", "list"), ("best", "nobest")),
    "include_vars": (("file", "dir"),),
    "ini_file": (("value", "values"),),
    "lineinfile": (("insertbefore", "insertafter"), ("regexp", "search_string"), ("backrefs", "search_string")),
    "pause": (("minutes", "seconds"),),
    "unarchive": (("include", "exclude"), ("copy", "remote_src")),
    "uri": (("body", "src"),),
}


def check(subject: Subject) -> None:
    """Look at each task whose module says what it takes."""
    seen: set[int] = set()
    for _, site in subject.sites():
        if id(site.task) in seen:
            continue
        seen.add(id(site.task))
        try:
            spec = subject.modules.spec(site.task.action)
        except PlaybookError as problem:
            subject.findings.add_problem(problem, site.task.origin)
            continue
        if spec is None or spec.arguments is None:
            continue
        names = {alias: name for name, each in spec.arguments.items() for alias in (name, *each.get("aliases", ()))}
        _types(subject, site, spec.arguments, names)
        _exclusive(subject, site, names)


def _severity(site: Site) -> Severity | None:
    return "hint" if site.dealt or site.never() else None


def _types(subject: Subject, site: Site, arguments: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> None:
    task = site.task
    for key, value in task.args.items():
        each = arguments.get(names.get(str(key), ""))
        if each is None or not isinstance(key, str) or value is None or _unknown(value):
            continue
        for message, hint in _wrong(task.action, key, value, each):
            where = origin_of(value) or locate_key(task.origin, key)
            subject.findings.add("wrong-value", message, where, hint=hint, severity=_severity(site))


def _wrong(module: str, key: str, value: Any, each: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    kind = str(each.get("type", "str"))
    plain = str.__str__(value) if isinstance(value, str) else value
    if kind == "dict" and isinstance(plain, str):
        return  # JSON, or pairs of key=value
    try:
        fitted = convert(kind, plain)
    except (TypeError, ValueError):
        yield f"'{key}' of '{module}' must be {_SPOKEN.get(kind, 'text')}, not {spoken(value)}", None
        return
    elements, choices = each.get("elements"), each.get("choices")
    items = fitted if isinstance(fitted, list) else [fitted]
    if kind == "list" and elements in ("int", "float", "str", "path"):
        for item in items:
            try:
                convert(str(elements), item)
            except (TypeError, ValueError):
                said = _SPOKEN.get(str(elements), "text")
                yield f"an element of '{key}' of '{module}' must be {said}, not {spoken(item)}", None
                return
    if not choices or kind == "str":  # the parser looks at those
        return
    for item in items:
        if item not in choices and str(item) not in map(str, choices):
            known = [str(choice) for choice in choices]
            message = f"'{key}' of '{module}' must be one of {', '.join(known)}, not {spoken(item)}"
            yield message, did_you_mean(str(item), known)


def _unknown(value: Any) -> bool:
    """Whether only the run knows what a value is."""
    return isinstance(value, SourceVault) or any(is_template(text) for text in texts(value))


def _exclusive(subject: Subject, site: Site, names: Mapping[str, str]) -> None:
    task = site.task
    given: dict[str, str] = {}
    for key, value in task.args.items():
        if key in names and value is not None and "omit" not in str(value):
            given[names[key]] = str(key)
    for group in _EXCLUSIVE.get(task.action, ()):
        both = [name for name in group if name in given]
        if len(both) > 1 and not _switched_off(task, both):
            where = _place(subject, task, given[both[1]])
            message = f"'{task.action}' takes one of {', '.join(given[name] for name in both)}, not all of them"
            subject.findings.add("exclusive-parameters", message, where, hint="keep one", severity=_severity(site))


def _switched_off(task: Task, names: list[str]) -> bool:
    """Whether one of them says no, which is as good as not given."""
    return any(task.args.get(name) is False for name in names)


def _place(subject: Subject, task: Task, key: str) -> Origin:
    return locate_key(task.origin, key)
