"""Which variables tasks make while they run, and where nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stella_ops.engine.search_path import search_path
from stella_ops.errors import PlaybookError
from stella_ops.linting.reading import scope_of, static_value
from stella_ops.linting.subject import PlaySubject, Site, Subject
from stella_ops.module_kind import Kind, module_file
from stella_ops.module_source import is_own
from stella_ops.origins import origin_of
from stella_ops.playbook.keywords import is_template
from stella_ops.playbook.model import Task
from stella_ops.playbook.variables import load_vars_file

# Modules whose facts have names that do not begin with ``ansible_``.
_FACTS = {"service_facts": ("services",), "package_facts": ("packages",), "hostname": ()}


def check(subject: Subject) -> None:
    """Add to ``runtime`` and ``open`` what tasks bring; note files of variables that are not there."""
    for play, site in subject.sites():
        task = site.task
        if task.action == "include_vars":
            _included(subject, play, site)
        elif task.action == "add_host":
            subject.runtime.update(map(str, task.args))
        elif task.action == "getent":
            database = task.args.get("database")
            subject.runtime.add(f"getent_{database}")
        elif task.action in ("group_by",) or (
            task.action == "meta" and "refresh_inventory" in str(task.args.get("_raw_params"))
        ):
            subject.open.append(f"{task.action} at {task.origin}")
        elif task.action in _FACTS:
            subject.runtime.update(_FACTS[task.action])
        elif _makes_facts(subject, task):
            subject.open.append(f"{task.action} at {task.origin}")


def _makes_facts(subject: Subject, task: Task) -> bool:
    """Whether a module that is not ours speaks of facts."""
    from stella_ops.content import module_path

    name = task.action
    path = module_path(name, subject.options.module_folders) if name.replace(".", "_").isidentifier() else None
    if path is None or is_own(path):
        return False
    try:
        if module_file(path).kind is Kind.OWN:
            return False
        return b"ansible_facts" in path.read_bytes()
    except (OSError, PlaybookError, ValueError):
        return True


def _included(subject: Subject, play: PlaySubject, site: Site) -> None:
    task = site.task
    named = task.args.get("file", task.args.get("_raw_params"))
    if task.args.get("name"):
        subject.runtime.add(str(task.args["name"]))
        return
    if named is None or task.loop is not None:
        _folder_or_open(subject, play, task)
        return
    for view in play.views:
        name = static_value(subject, named, scope_of(view, site))
        if not isinstance(name, str):
            subject.open.append(f"include_vars at {task.origin}")
            _any_of(subject, play, task)
            return
        path = find(task, play, "vars", name)
        if path is None:
            if not is_template(named):
                severity: Any = "hint" if site.dealt else "warning" if site.conditional() else None
                where = origin_of(named) or task.origin
                message = f"the variable file '{name}' was not found"
                subject.findings.add("missing-file", message, where, hint=looked_at(task, play), severity=severity)
            subject.open.append(f"include_vars at {task.origin}")
            return
        _load(subject, site, path)


def _folder_or_open(subject: Subject, play: PlaySubject, task: Task) -> None:
    written = task.args.get("dir")
    folder = None
    if isinstance(written, str) and not is_template(written):
        folder = find(task, play, "vars", written)
    if folder is None or not folder.is_dir():
        subject.open.append(f"include_vars at {task.origin}")
        _any_of(subject, play, task)
        return
    _take_all(subject, folder)


def _any_of(subject: Subject, play: PlaySubject, task: Task) -> None:
    """Take what the files beside a task define: one of them is likely the one that is meant."""
    for place in search_path(task, [play.folder]):
        if (place / "vars").is_dir():
            _take_all(subject, place / "vars")


def _take_all(subject: Subject, folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".yml", ".yaml", ".json"):
            try:
                subject.runtime.update(map(str, load_vars_file(path)))
            except PlaybookError:
                subject.open.append(f"variables in {path}")


def _load(subject: Subject, site: Site, path: Path) -> None:
    try:
        subject.runtime.update(map(str, load_vars_file(path)))
    except PlaybookError as problem:
        subject.open.append(f"include_vars at {site.task.origin}")
        for each in problem.problems or [problem]:
            severity: Any = "hint" if site.dealt else None
            subject.findings.add_problem(each, site.task.origin, severity=severity)


def find(task: Task, play: PlaySubject, kind: str, name: str) -> Path | None:
    """A file that a task names, as the run looks for it.

    Args:
        kind: the folder that is tried first: files, templates, vars.
    """
    return next((path for path in _candidates(task, play, kind, name) if path.exists()), None)


def looked_at(task: Task, play: PlaySubject) -> str:
    """Where files of a task are looked for, for hints."""
    return "looked in " + ", ".join(map(str, search_path(task, [play.folder])))


def _candidates(task: Task, play: PlaySubject, kind: str, name: str) -> Iterator[Path]:
    path = Path(name).expanduser()
    if path.is_absolute():
        yield path
        return
    for place in search_path(task, [play.folder]):
        yield place / kind / path
        yield place / path
