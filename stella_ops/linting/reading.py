"""Reads playbooks for lint: nothing is raised, and what is included during a play is followed as far as is known."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stella_ops.engine.includes import read_included
from stella_ops.engine.play_hosts import is_for_nobody, may_add_hosts, play_hosts, play_pattern
from stella_ops.engine.variables import PlayVariables
from stella_ops.engine.vars_files import none_is_there
from stella_ops.errors import ParseError, PatternError, PlaybookError, StellaError
from stella_ops.linting.expressions import parse_value
from stella_ops.linting.subject import RUNTIME, PlaySubject, Site, Subject, View, texts
from stella_ops.origins import Origin, origin_of
from stella_ops.playbook.keywords import is_template
from stella_ops.playbook.model import Block, Playbook, Role, Step, Task
from stella_ops.playbook.problems import Problems
from stella_ops.playbook.tasks import Parts, TaskReader
from stella_ops.playbook.variables import first_file
from stella_ops.templating.plugins import folders
from stella_ops.templating.scope import is_changeable
from stella_ops.templating.templar import Templar

_DEEPEST = 12
_MOST_VIEWS = 40
NOBODY = "localhost"  # every inventory has it


def add_plays(subject: Subject, books: Sequence[Playbook], *, sample: int | None = None) -> None:
    """Take in playbooks that were read.

    Args:
        sample: how many hosts of a play are looked at; all by default.
    """
    folders.forget()
    folders.use_configured()
    grows = False
    for book in books:
        for play in book.plays:
            made = PlaySubject(play, Path(play.path or book.path).resolve().parent)
            made.sections = [steps for _, steps in play.sections()]
            made.handlers = list(play.handlers)
            made.roles = list(play.roles)
            for place in (made.folder, *(Path(role.folder) for role in play.roles)):
                folders.use_beside(place)
            subject.plays.append(made)
            _find_hosts(subject, made, grows)
            grows = grows or may_add_hosts(play)
            made.views = list(_views(subject, made, sample))
            _Walker(subject, made).walk()


def add_problems(subject: Subject, problems: Problems, default: Origin) -> None:
    """Take in what the parser found."""
    for problem in problems.found:
        subject.findings.add_problem(problem, default)
    for problem in problems.later:
        refused = problem.rule == "not-supported"
        subject.findings.add_problem(problem, default, severity="warning" if refused else "hint")
    if problems.partial:
        for play in subject.plays:
            play.handlers_open = True
        subject.open.append("a file could be read in part alone")
    for raw in problems.lost:
        subject.lost.append(raw)
        # What a task would have made is not missing.
        if isinstance(raw.get("register"), str):
            subject.runtime.add(str(raw["register"]))


def _find_hosts(subject: Subject, made: PlaySubject, grows: bool) -> None:
    play, findings = made.play, subject.findings
    where = origin_of(play.hosts, play.origin) or play.origin
    templar = Templar()
    try:
        if not subject.named_inventory or not isinstance(play.hosts, str | list) or not play.hosts:
            return
        if "groups" not in str(play.hosts) and not is_static(subject, play.hosts, play.vars, 0):
            return
        if is_for_nobody(play_pattern(play, subject.inventory, subject.options, templar)):
            made.hosts = []
            return
        made.hosts = play_hosts(play, subject.inventory, subject.options, templar)
    except PatternError as problem:
        if not grows:
            findings.add("no-hosts", problem.message, where, hint=problem.hint)
    except ParseError as problem:
        findings.add_problem(problem, where)
    except StellaError as problem:
        findings.add("undefined-variable", problem.message, where, hint=problem.hint)


def _views(subject: Subject, made: PlaySubject, sample: int | None) -> Iterable[View]:
    """Hosts with the same variables are looked at once."""
    alike: dict[Any, list[str]] = {}
    for host in (made.hosts or [])[:sample]:
        own = subject.inventory.variables(host, made.folder)
        key = tuple(sorted((name, id(value)) for name, value in own.items() if not name.startswith("ansible_")))
        alike.setdefault(key, []).append(host)
    for hosts in list(alike.values())[:_MOST_VIEWS] or [[]]:
        variables = _variables(subject, made)
        _load_vars_files(subject, made, variables, hosts[0] if hosts else NOBODY)
        yield View(hosts, variables)


def _variables(subject: Subject, made: PlaySubject) -> PlayVariables:
    play = made.play
    variables = PlayVariables(
        subject.inventory,
        subject.options,
        Templar(search_path=[made.folder, made.folder / "templates"]),
        {},
        play_vars=play.vars,
        play_name=play.title,
        play_hosts=made.hosts or [],
        playbook_dir=made.folder,
        run_id="",
        roles=play.roles,
    )
    for prompt in play.vars_prompt:
        variables.answer(prompt.name, RUNTIME)
    return variables


def _load_vars_files(subject: Subject, made: PlaySubject, variables: PlayVariables, host: str) -> None:
    play, mine = made.play, dict[str, Any]()
    variables.files[host] = mine
    for entry in play.vars_files:
        alternatives = entry if isinstance(entry, list) else [entry]
        where = origin_of(alternatives[0] if alternatives else None) or origin_of(entry) or play.origin
        names = [static_value(subject, name, variables.of(host)) for name in alternatives]
        if None in names:
            subject.open.append(f"vars_files at {where}")
            continue
        try:
            found = first_file([str(name) for name in names], made.folder, {})
            if found is None:
                raise none_is_there(names, made.folder, where)
            mine.update(found)
        except PlaybookError as problem:
            if problem.where == str(where):
                problem.rule = "missing-file"
            subject.open.append(f"vars_files at {where}")
            for each in problem.problems or [problem]:
                subject.findings.add_problem(each, where)


def static_value(subject: Subject, value: Any, variables: Mapping[str, Any]) -> Any:
    """A value as it will be; None when only the run can tell, or it takes a lookup to know."""
    if not is_template(value):
        return value
    if not is_static(subject, value, variables, 0):
        return None
    try:
        return Templar().render(value, variables)
    except (StellaError, ValueError, TypeError):
        return None


def is_static(subject: Subject, value: Any, variables: Mapping[str, Any], depth: int) -> bool:
    """Whether rendering a value gives what the run will have, and does nothing but render."""
    if value is RUNTIME or depth > _DEEPEST:
        return False
    for text in texts(value):
        if not is_template(text):
            continue
        parsed = parse_value(str.__str__(text))
        if is_changeable(text) or parsed.problem or parsed.lookups:
            return False
        for use in parsed.uses:
            if use.name in subject.runtime or not is_static(subject, variables.get(use.name), variables, depth + 1):
                return False
    return True


class _Walker:
    """Finds the tasks of a play."""

    def __init__(self, subject: Subject, made: PlaySubject) -> None:
        self._subject = subject
        self._made = made

    def walk(self) -> None:
        play = self._made.play
        for _, steps in play.sections():
            self._steps(steps, Site(None), 0)  # type: ignore[arg-type]
        for handler in play.handlers:
            self._task(handler, Site(handler, handler=True), 0)

    def _steps(self, steps: Iterable[Step], around: Site, depth: int) -> None:
        for step in steps:
            if isinstance(step, Block):
                inside = Site(around.task, around.dealt or bool(step.rescue), around.rescue, around.handler)
                inside.included = around.included
                inside.survived = around.survived or bool(step.rescue or step.always)
                self._steps(step.body, inside, depth)
                rescue = Site(around.task, around.dealt, True, around.handler, around.included, around.survived)
                self._steps(step.rescue, rescue, depth)
                self._steps(step.always, around, depth)
            else:
                self._task(step, around, depth)

    def _task(self, task: Task, around: Site, depth: int) -> None:
        dealt = around.dealt or task.inherited.ignore_errors not in (None, False) or task.failed_when is not None
        site = Site(task, dealt, around.rescue, around.handler, around.included, around.survived or dealt)
        self._made.sites.append(site)
        self._subject.findings.note_file(task.origin.source)
        self._note_names(task)
        if task.include is not None and not site.never():
            self._include(task, site, depth)

    def _note_names(self, task: Task) -> None:
        if task.register:
            self._subject.runtime.add(task.register)
        if task.action == "set_fact":
            for name in task.args:
                if is_template(name):
                    self._subject.open.append(f"set_fact at {task.origin}")
                self._subject.runtime.add(str(name))

    def _include(self, task: Task, site: Site, depth: int) -> None:
        found = self._names(task) if depth < _DEEPEST else None
        if found is None:
            self._subject.open.append(f"{task.action} at {task.origin}")
            self._made.handlers_open = True
            return
        for what in found:
            self._read(task, what, site, depth)

    def _names(self, task: Task) -> list[Any] | None:
        """What an include may bring; None when only the run can tell."""
        keys = ("file", "_raw_params") if task.action == "include_tasks" else ("name", "role")
        written = next((task.args[key] for key in keys if task.args.get(key)), None)
        if written is None:
            return []
        items: list[Any] = [None]
        if task.loop is not None:
            items = task.loop if isinstance(task.loop, list) else [RUNTIME]
        if not is_template(written):
            items = items[:1]
        found: list[Any] = []
        for view in self._made.views:
            host = view.hosts[0] if view.hosts else NOBODY
            for item in items:
                extra = {} if task.loop is None else {task.loop_var: item}
                scope = view.variables.of(host, task, extra)
                if is_template(item):
                    return None
                name = static_value(self._subject, written, scope)
                if not isinstance(name, str):
                    return None
                what: Any = name
                if task.action == "include_role":
                    args = {key: static_value(self._subject, value, scope) for key, value in task.args.items()}
                    if any(value is None and task.args[key] is not None for key, value in args.items()):
                        return None
                    what = {**args, "name": name}
                if what not in found:
                    found.append(what)
        return found

    def _read(self, task: Task, what: Any, site: Site, depth: int) -> None:
        subject, made = self._subject, self._made
        problems = Problems()
        reader = TaskReader(subject.modules, problems, files=subject.files, playbook_folder=made.folder, parts=Parts())
        assert task.include is not None
        params = dict(task.include.vars)
        if task.loop is not None:
            params.update(dict.fromkeys(site.own_names(), RUNTIME))
        try:
            included = read_included(task, what, params, reader, handler=site.handler)
        except PlaybookError as problem:
            self._not_there(task, what, site, problem)
            return
        add_problems(subject, problems, task.origin)
        for group in included.handlers:
            for handler in group:
                made.handlers.append(handler)
                self._task(handler, Site(handler, handler=True, included=True), depth + 1)
        self._take_roles(included.roles)
        inside = Site(task, site.dealt, site.rescue, site.handler, included=True, survived=site.survived)
        if site.handler:
            made.handlers += [step for step in included.steps if not isinstance(step, Block)]  # type: ignore[misc]
        made.sections.append(included.steps)
        self._steps(included.steps, inside, depth + 1)

    def _not_there(self, task: Task, what: Any, site: Site, problem: PlaybookError) -> None:
        subject = self._subject
        written = task.args.get("file", task.args.get("_raw_params"))
        if is_template(written):
            subject.open.append(f"{task.action} at {task.origin}")
            self._made.handlers_open = True
            return
        severity = "hint" if site.dealt else "warning" if site.conditional() else None
        where = origin_of(written) or task.origin
        message = f"the task file '{what}' was not found"
        if not problem.problems and "Could not find" in problem.message:
            subject.findings.add("missing-file", message, where, hint=problem.hint, severity=severity)  # type: ignore[arg-type]
        else:
            for each in problem.problems or [problem]:
                subject.findings.add_problem(each, task.origin)

    def _take_roles(self, roles: Iterable[Role]) -> None:
        for role in roles:
            self._made.roles.append(role)
            folders.use_beside(Path(role.folder))
            for view in self._made.views:
                view.variables.use_role(role)


def scope_of(view: View, site: Site) -> Mapping[str, Any]:
    """The variables that a task sees, as far as they are written down."""
    host = view.hosts[0] if view.hosts else NOBODY
    extra = dict.fromkeys(site.own_names(), RUNTIME)
    return ChainMap({}, view.variables.of(host, site.task, extra))  # type: ignore[arg-type]
