"""Everything of a task that is decided on the controller before it runs: arguments, connection, privilege."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from stella_ops.actions.base import ActionContext, Reached
from stella_ops.actions.registry import action
from stella_ops.collections.notices import warn
from stella_ops.engine import keyword_values
from stella_ops.engine.outcome import Result
from stella_ops.engine.reach import Reach
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.search_path import search_path
from stella_ops.engine.variables import PlayVariables
from stella_ops.errors import PlaybookError, TemplateError
from stella_ops.origins import SourceText, origin_of
from stella_ops.playbook.arguments import VARIABLE_ARGS
from stella_ops.playbook.model import Task
from stella_ops.playbook.module_defaults import ModuleDefaults
from stella_ops.playbook.module_names import full_name
from stella_ops.templating.omit import OMIT, drop_omitted
from stella_ops.templating.scope import is_template
from stella_ops.transport.base import Become, ConnectionSpec, HostSession, Link

_FLAGS = ("no_log", "ignore_errors", "ignore_unreachable", "any_errors_fatal", "run_once", "delegate_facts")
_LONGEST = 100_000_000  # seconds that a task may have


@dataclass(slots=True)
class Prepared:
    """A task ready to run on one host.

    Attributes:
        target: the host it runs on; another than the one it is about where it is delegated.
        args: rendered.
        address: where that host is, if its variables say so.
    """

    target: str
    context: ActionContext
    args: Result
    address: str | None = None


class Preparation:
    """Prepares the tasks of one play.

    Args:
        search_path: folders for files and templates.
    """

    def __init__(self, run: RunContext, variables: PlayVariables, search_path: list[Path]) -> None:
        self._run = run
        self._variables = variables
        self._search_path = search_path
        self._reach = Reach(run.options)
        self._defaults = ModuleDefaults(run.modules)
        self._lookup_paths: dict[tuple[int, str | None], tuple[Path, ...]] = {}

    def search_path(self, task: Task) -> list[Path]:
        """Folders in which a task's relative files are looked for: its role's, its own file's, the playbook's."""
        return search_path(task, self._search_path)

    def lookup_path(self, task: Task) -> tuple[Path, ...] | None:
        """The same for lookups and for what templates include; None where it is the playbook's alone."""
        if task.inherited.role is None and task.inherited.folder is None:
            return None
        found = self._lookup_paths.get((id(task.inherited.role), task.inherited.folder))
        if found is None:
            places = self.search_path(task)
            found = tuple(part for place in places for part in (place, place / "templates"))
            self._lookup_paths[(id(task.inherited.role), task.inherited.folder)] = found
        return found

    def delegate(self, task: Task, view: Mapping[str, Any]) -> str | None:
        """The host that ``delegate_to`` names, be it the host itself; None where it names none."""
        written = task.inherited.delegate_to
        if written is None or written == "":
            return None
        named = self._run.templar.render(written, view)
        if named is OMIT:
            return None
        if named is None or named == "":
            raise TemplateError(f'Empty hostname produced from delegate_to: "{written}"', where=origin_of(written))
        return str(named)

    def prepare(
        self,
        task: Task,
        host: str,
        named: str | None,
        view: Mapping[str, Any],
        *,
        secret: bool,
        link: Link | None = None,
        delegate_view: Mapping[str, Any] | None = None,
    ) -> Prepared:
        """Work out what a task needs.

        Args:
            named: as its delegate.
            view: the host's variables, rendered lazily.
            secret: ``no_log``.
            link: its place among tasks that are sent ahead.
            delegate_view: the variables of the host that it runs on, where that is another.

        Raises:
            StellaError: a template that fails, a connection that makes no sense.
        """
        run, keywords = self._run, task.inherited
        templar = run.templar
        target = named or host

        def render(value: Any) -> Any:
            return templar.render(value, view)

        reached_by, reach_render = view, render
        if delegate_view is not None:
            reached_by = delegate_view

            def reach_render(value: Any) -> Any:
                return templar.render(value, reached_by)

        age = run.connection_age(target), len(self._variables.roles)
        spec, become = self._reach.of(target, task, reached_by, reach_render, age, view.get("playbook_dir"))
        self._hide_passwords(spec, become)
        found = action(task.action)
        unrendered: frozenset[str] = getattr(found, "UNRENDERED", frozenset())
        written = task.args
        if VARIABLE_ARGS in written:
            if run.options.inject_facts:
                warn(_FACTS_IN_ARGS, where=origin_of(written[VARIABLE_ARGS]))
            try:
                written = _with_variable_args(self._full_name(task), written, render)
            except TemplateError as problem:
                raise problem.within(f"Finalization of task args for '{self._full_name(task)}' failed") from problem
        if keywords.module_defaults:
            written = {**self._defaults.of(task.action, keywords.module_defaults, render), **written}
        args: Result = {}
        # By their names, as ansible-core: which of several failures is told, and what lookups change first, hang on it.
        for name, value in sorted(written.items(), key=lambda item: str(item[0])):
            try:
                args[name] = self._own_text(task, value, view) if name in unrendered else render(value)
            except TemplateError as problem:
                of_argument = problem.within(f"Error while resolving value for '{name}'")
                of_task = f"Finalization of task args for '{self._full_name(task)}' failed"
                raise of_argument.within(of_task) from problem
        holder = getattr(found, "TEMPLATED_NAMES", None)
        if holder == "":
            args = _with_names(args, task.args, task, render)
        elif holder is not None and isinstance(task.args.get(holder), dict):
            args[holder] = _with_names(args[holder], task.args[holder], task, render)
        options = run.options
        timeout = self.number("timeout", keywords.timeout, view, options.task_timeout)
        if not 0 <= timeout <= _LONGEST:
            raise TemplateError(
                f"Timeout {int(timeout)} is invalid, it must be between 0 and {_LONGEST}.",
                where=origin_of(keywords.timeout),
            )
        context = ActionContext(
            host=host,
            variables=view,
            templar=templar,
            session=run.pool.session(spec),
            become=become,
            check=self.flag("check_mode", keywords.check_mode, view, options.check),
            diff=not secret and self.flag("diff", keywords.diff, view, options.diff),
            timeout=timeout,
            environment=_environment(keywords.environment, render),
            search_path=self.search_path(task),
            keep_secret=run.keep_secret,
            scrub=run.scrub,
            fleet=run.fleet,
            link=link,
            tunnels=run.tunnels,
            sources=run.sources,
            inventory=run.inventory,
            action=task.action,
            delegated=named is not None,
            own=partial(self._own, task, host),
            controller=partial(self._controller, task, view),
            invocation=options.invocations or _judges(task),
            facts_modules=options.facts_modules,
        )
        return Prepared(target, context, drop_omitted(args), spec.address)

    def _own(self, task: Task, host: str, **other: Any) -> Reached:
        """How the host that a task is about is reached."""
        spec, become = self._reached(task, host)
        return Reached(self._run.pool.session(replace(spec, **other)), become)

    def _controller(self, task: Task, view: Mapping[str, Any]) -> HostSession:
        """The session of this machine, where tasks start in the playbook's folder."""
        interpreter = self._reached(task, "localhost")[0].interpreter
        spec = ConnectionSpec(name="localhost", kind="local", interpreter=interpreter, folder=view.get("playbook_dir"))
        return self._run.pool.session(spec)

    def _reached(self, task: Task, host: str) -> tuple[ConnectionSpec, Become | None]:
        run = self._run
        view = run.templar.lazy(run.delegate_variables(self._variables, host, task))
        render = partial(run.templar.render, variables=view)
        age = run.connection_age(host), len(self._variables.roles)
        reached = self._reach.of(host, task, view, render, age, view.get("playbook_dir"))
        self._hide_passwords(*reached)
        return reached

    def _hide_passwords(self, spec: ConnectionSpec, become: Become | None) -> None:
        for password in (spec.password, become.password if become else None):
            if password:
                self._run.redactor.add(password)

    def _own_text(self, task: Task, value: Any, view: Mapping[str, Any]) -> Any:
        """An argument that is an expression. A template may choose among texts that are written at the task itself.

        Any other text that it comes to is data: as an expression it could be one that a host has chosen.
        """
        if not isinstance(value, SourceText) or not is_template(value):
            return value
        try:
            chosen = self._run.templar.render(value, view)
        except TemplateError:
            return value
        return next((text for text in _texts([task.loop, task.inherited.vars]) if text == chosen), value)

    def check_flags(self, task: Task, view: Mapping[str, Any]) -> None:
        """Look at keywords that are needed only later.

        Raises:
            TemplateError: one of them is neither true nor false.
        """
        keywords = task.inherited
        for name in _FLAGS:
            value = getattr(keywords, name)
            if value is not None and not isinstance(value, bool):
                self.flag(name, value, view)

    def _full_name(self, task: Task) -> str:
        return full_name(task.action, self._run.options.module_folders)

    def flag(self, name: str, value: Any, view: Mapping[str, Any], default: bool = False) -> bool:
        """A keyword that is true or false; ``default`` where it is not given, or omitted."""
        return keyword_values.flag(name, value, self._run.templar, view, default)

    def flag_or(self, name: str, value: Any, view: Mapping[str, Any], otherwise: bool) -> bool:
        """A flag, or another value when its own template fails: the first error is the one to show."""
        try:
            return self.flag(name, value, view)
        except TemplateError:
            return otherwise

    def hides(self, task: Task, view: Mapping[str, Any]) -> bool:
        """Whether nothing is to be shown of a task (``no_log``); also where that cannot be made out."""
        try:
            return self.flag("no_log", task.inherited.no_log, view, self._run.options.no_log)
        except TemplateError:
            return True

    def number(self, name: str, value: Any, view: Mapping[str, Any], default: float, *, whole: bool = True) -> float:
        """A keyword that is a number; ``default`` where it is not given."""
        return keyword_values.number(name, value, self._run.templar, view, default, whole=whole)


def _with_names(
    values: Mapping[str, Any], written: Mapping[str, Any], task: Task, render: Callable[[Any], Any]
) -> dict[str, Any]:
    """Values under names that the playbook writes, which may be templates; a name that a host said is data."""

    def name(given: str) -> str:
        return str(render(SourceText(given, task.origin))) if given in written and is_template(given) else given

    return {name(str(given)): value for given, value in values.items()}


def _judges(task: Task) -> bool:
    """Whether the result of a task may be asked for its arguments even where it went well."""
    in_loop = task.loop is not None and task.register is not None
    return in_loop or bool(task.until or task.changed_when or task.failed_when)


def _texts(written: Any) -> Iterator[SourceText]:
    """The texts without templates of a value as it is written."""
    if isinstance(written, SourceText):
        if not is_template(written):
            yield written
    elif isinstance(written, dict):
        for value in written.values():
            yield from _texts(value)
    elif isinstance(written, list):
        for value in written:
            yield from _texts(value)


# What a host found out may be among the variables that such a template names.
_FACTS_IN_ARGS = (
    "Using a template for task args is unsafe in some situations "
    "(see https://docs.ansible.com/ansible/devel/reference_appendices/faq.html#argsplat-unsafe)."
)


def _with_variable_args(told: str, args: Mapping[str, Any], render: Callable[[Any], Any]) -> dict[str, Any]:
    """Arguments with those of a variable that holds some; the task's own are stronger."""
    found = render(args[VARIABLE_ARGS])
    if found is OMIT or found is None:
        found = {}
    if not isinstance(found, dict):
        raise PlaybookError(
            f"Finalization of task args for '{told}' failed: "
            f"Task args must resolve to a 'dict' not '{type(found).__name__}'.",
            where=origin_of(args[VARIABLE_ARGS]),
        )
    return {**found, **{name: value for name, value in args.items() if name != VARIABLE_ARGS}}


def _environment(levels: list[Any], render: Any) -> dict[str, str]:
    made: dict[str, str] = {}
    for level in levels:
        values = keyword_values.rendered("environment", level, render)
        for part in values if isinstance(values, list) else [values]:
            if isinstance(part, dict):
                made.update({str(name): str(value) for name, value in part.items() if value is not OMIT})
            elif part not in (None, "") and part is not OMIT:
                raise PlaybookError(
                    f"environment must be a mapping of names to values, not {str(part)[:60]!r}",
                    where=origin_of(level),
                )
    return made
