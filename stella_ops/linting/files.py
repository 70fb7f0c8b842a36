"""Rules for files that tasks name, and for what stands in template files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stella_ops.booleans import says_no
from stella_ops.engine.search_path import search_path
from stella_ops.errors import TemplateError
from stella_ops.linting.expressions import Parsed, parse_file
from stella_ops.linting.names import find, looked_at
from stella_ops.linting.reading import scope_of, static_value
from stella_ops.linting.rules import Severity
from stella_ops.linting.subject import PlaySubject, Site, Subject
from stella_ops.linting.templates import check_names
from stella_ops.linting.undefined import check_file_uses
from stella_ops.origins import Origin, origin_of
from stella_ops.places import locate_on_line, shown
from stella_ops.playbook.keywords import is_template
from stella_ops.playbook.model import Task
from stella_ops.templating.templar import Templar

# module: the parameter that names a file of the controller, and the folder where it is looked for first
_NAMED: Mapping[str, tuple[str, str]] = {
    "copy": ("src", "files"),
    "template": ("src", "templates"),
    "script": ("_raw_params", "files"),
    "unarchive": ("src", "files"),
    "assemble": ("src", "files"),
}
_MARKS = ("variable", "block", "comment")
_PROGRAMS = frozenset({"command", "shell", "raw", "script", "expect"})
_LARGEST = 4 * 1024 * 1024
_DEEPEST = 12

Made = list[tuple[Task, str]]


def check(subject: Subject) -> None:
    """Look at each task that names a file."""
    made = made_by_tasks(subject)
    for play, site in subject.sites():
        named = _NAMED.get(site.task.action)
        if named is not None and not site.never():
            _check(subject, play, site, *named, made)


def made_by_tasks(subject: Subject) -> list[tuple[Task, str]]:
    """What tasks say of files that they may make here: those are not missing for good."""
    said: list[tuple[Task, str]] = []
    for play, site in subject.sites():
        task = site.task
        here = play.hosts in (["localhost"], ["127.0.0.1"]) or task.inherited.delegate_to is not None
        if task.action in _PROGRAMS or here or task.action == "fetch":
            said += [(task, str(value)) for key, value in task.args.items() if key != "src"]
    return said


def _program(command: str) -> str:
    try:
        return (shlex.split(command) or [command])[0]
    except ValueError:
        return command


def _severity(site: Site) -> Severity | None:
    return "hint" if site.dealt else "warning" if site.conditional() else None


def _check(subject: Subject, play: PlaySubject, site: Site, parameter: str, kind: str, made: Made) -> None:
    task = site.task
    written = task.args.get(parameter, task.args.get("cmd") if task.action == "script" else None)
    if not isinstance(written, str) or not written or _on_host(task):
        return
    for view in play.views:
        name = static_value(subject, written, scope_of(view, site))
        if not isinstance(name, str) or not name:
            continue
        if task.action == "script":
            name = _program(name)
        if "://" in name:
            continue
        path = find(task, play, kind, name)
        if path is None:
            _missing(subject, play, site, written, name, made)
        elif task.action == "template" and path.is_file():
            _TemplateFile(subject, play, site).check(path)


def template_files(subject: Subject, play: PlaySubject, site: Site, made: Made) -> None:
    """Look into the template file of a task, where it is known and no task makes it."""
    written = site.task.args.get("src")
    if site.task.action != "template" or not isinstance(written, str):
        return
    for view in play.views:
        name = static_value(subject, written, scope_of(view, site))
        path = find(site.task, play, "templates", name) if isinstance(name, str) and name else None
        if path is not None and path.is_file() and not any(path.name in text for _, text in made):
            _TemplateFile(subject, play, site).check(path)


def _on_host(task: Task) -> bool:
    """Whether the file is one of the host's."""
    if task.args.get("content") is not None:
        return True
    if task.action == "unarchive" and "copy" in task.args:
        return says_no(task.args["copy"])
    return not says_no(task.args.get("remote_src", task.action == "assemble"))


def _missing(subject: Subject, play: PlaySubject, site: Site, written: Any, name: str, made: Made) -> None:
    task, severity = site.task, _severity(site)
    others = "\n".join(text for by, text in made if by is not task)
    if Path(name).name in others:
        return
    if is_template(written) or Path(name).is_absolute() or name.startswith("~"):
        # It may be there when the task runs, or on the machine that runs it.
        if str(Path(name).parent) in others:
            return
        severity = severity or "warning"
    where = origin_of(written) or task.origin
    message = f"the file '{name}' of '{task.action}' was not found"
    subject.findings.add("missing-file", message, where, hint=looked_at(task, play), severity=severity)


class _TemplateFile:
    """A template file of a task, with what it includes."""

    def __init__(self, subject: Subject, play: PlaySubject, site: Site) -> None:
        self._subject = subject
        self._play = play
        self._site = site
        self._seen: set[Path] = set()

    def check(self, path: Path, local: frozenset[str] = frozenset(), *, imported: bool = False) -> None:
        if path in self._seen or len(self._seen) > _DEEPEST:
            return
        self._seen.add(path)
        read = self._read(path)
        if read is None:
            return
        parsed, source, skipped = read
        findings = self._subject.findings
        severity: Severity | None = "hint" if self._site.dealt else None

        def place(name: str, line: int) -> Origin:
            return locate_on_line(source, name, line + skipped)

        self._subject.mentioned.update(use.name for use in parsed.uses)
        self._subject.mentioned.update(parsed.constants)
        if parsed.problem is not None:
            message, line = parsed.problem
            said = f"the template cannot be parsed: {message}"
            findings.add("template-syntax", said, Origin(source, line + skipped), severity=severity)
            return
        check_names(findings, parsed, place, severity)
        if not imported:
            check_file_uses(self._subject, self._play, self._site, parsed, local, place)
        inner = local | parsed.local
        for named, without in ((parsed.includes, False), (parsed.imports, True)):
            for each in named:
                target = next((p for p in self._beside(path, each.name) if p.is_file()), None)
                if target is not None:
                    self.check(target, inner, imported=imported or without)
                else:
                    where = place(each.name, each.line)
                    findings.add("missing-file", f"template '{each.name}' is not found", where, severity=severity)

    def _beside(self, path: Path, name: str) -> Iterator[Path]:
        for place in (path.parent, *search_path(self._site.task, [self._play.folder])):
            yield place / name
            yield place / "templates" / name

    def _read(self, path: Path) -> tuple[Parsed, str, int] | None:
        """What a file names, its name, and how many of its lines Jinja2 does not see."""
        try:
            if path.stat().st_size > _LARGEST:
                return None
            text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError):
            return None
        if text.startswith("$ANSIBLE_VAULT"):
            return None
        args = self._site.task.args
        options: dict[str, Any] = {}
        for name in (f"{mark}_{end}_string" for mark in _MARKS for end in ("start", "end")):
            if args.get(name):
                if is_template(args[name]):
                    return None
                options[name] = str(args[name])
        try:
            environment, text, skipped = Templar().file_parser(text, str(path), options)
        except TemplateError as problem:
            self._subject.findings.add("template-syntax", problem.message, Origin(str(path), 1), hint=problem.hint)
            return None
        return parse_file(text, environment), shown(str(path)), skipped
