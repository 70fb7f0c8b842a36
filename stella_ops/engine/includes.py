"""Task files and roles that are included while the play runs.

The include is a task like others: each host says which file or role, with which variables, once for each item of its
loop. Hosts that say the same are taken together; what is included then runs on them as if it had stood there.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stella_ops.engine.outcome import Outcome, Result
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.variables import PlayVariables
from stella_ops.errors import PlaybookError, StellaError, TemplateError
from stella_ops.origins import Origin, origin_of
from stella_ops.playbook.imports import at, candidates, parents_of, role_use
from stella_ops.playbook.inheritance import fold
from stella_ops.playbook.keywords import spoken
from stella_ops.playbook.known import known_at, vars_files_before_hosts
from stella_ops.playbook.model import Handler, Inherited, Play, Role, Step, Task
from stella_ops.playbook.problems import Problems
from stella_ops.playbook.roles import RoleReader
from stella_ops.playbook.tasks import Parts, TaskReader
from stella_ops.templating.omit import OMIT

_LOOP_NAMES = ("ansible_loop_var", "ansible_index_var", "ansible_loop")


@dataclass(slots=True)
class Inclusion:
    """What some hosts include.

    Attributes:
        what: the file's name, or the arguments of ``include_role``.
        params: variables of the include: of its loop, and its own.
        item: the item of the loop, as it is shown.
        key: the same for inclusions of one task that bring the same.
        hosts: in order; a dict, since there may be thousands.
    """

    what: Any
    params: dict[str, Any]
    key: Any
    hosts: dict[str, None] = field(default_factory=dict)
    item: Any = None
    looped: bool = False


@dataclass(slots=True)
class Included:
    """What an inclusion brings."""

    steps: list[Step]
    handlers: list[list[Handler]]
    roles: list[Role]
    label: str


class Includes:
    """Reads what one play includes.

    Args:
        variables: of the play.
    """

    def __init__(self, run: RunContext, variables: PlayVariables, play: Play) -> None:
        self._run = run
        self._variables = variables
        self._folder = Path(play.path or ".").resolve().parent
        self._vars_files = play.vars_files
        # What was read once: the same tasks for all hosts, also where those do not come together. Tasks, roles and
        # layers of variables are told apart by their ids in many places, so that they must not go away either.
        self._read: dict[Any, Included] = {}

    def gather(self, task: Task, outcomes: Mapping[str, Outcome], hosts: Sequence[str]) -> list[Inclusion]:
        """What the hosts include, those that include the same together, in the order it was said."""
        assert task.include is not None
        found: dict[Any, list[Inclusion]] = {}
        in_order: list[Inclusion] = []
        for host in hosts:
            outcome = outcomes.get(host)
            if outcome is None:
                continue
            results = outcome.result.get("results") if outcome.looped else [outcome.result]
            labels = outcome.labels or [None]
            for result, label in zip(results or [], labels, strict=False):
                if result.get("skipped") or result.get("failed"):
                    continue
                new = self._of(task, result, outcome.looped, label)
                alike = found.setdefault(new.key, [])
                # A host whose loop says the same twice includes it twice.
                known = next((each for each in alike if host not in each.hosts), None)
                if known is None:
                    alike.append(new)
                    in_order.append(new)
                    known = new
                known.hosts[host] = None
        return in_order

    def _of(self, task: Task, result: Result, looped: bool, label: Any) -> Inclusion:
        assert task.include is not None
        loop: dict[str, Any] = {}
        if looped:
            names = [result.get("ansible_loop_var"), result.get("ansible_index_var"), *_LOOP_NAMES]
            loop = {name: result[name] for name in names if name in result}
        what = result["include"] if task.action == "include_tasks" else result["include_args"]
        key = (id(task), repr(what), repr(loop))
        return Inclusion(what, {**task.include.vars, **loop}, key, item=label, looped=looped)

    def read(self, task: Task, inclusion: Inclusion, *, handler: bool = False) -> Included:
        """Read what is included, once.

        Raises:
            StellaError: it is not there, or is wrong.
        """
        known = self._read.get(inclusion.key)
        if known is None:
            known = self._read[inclusion.key] = self._read_anew(task, inclusion, handler)
        return known

    def _read_anew(self, task: Task, inclusion: Inclusion, handler: bool) -> Included:
        known = functools.cache(self._known)
        problems = Problems(lambda value, inherited: self._tag(value, known_at(known(), inherited, self._folder)))
        reader = TaskReader(
            self._run.modules,
            problems,
            files=self._run.files,
            playbook_folder=self._folder,
            parts=Parts(),
            render=self._render,
            known=known,
            expected_to_fail=True,  # wrong arguments of a task fail that task, not the inclusion
        )
        included = read_included(task, inclusion.what, inclusion.params, reader, handler=handler)
        problems.raise_any()
        self._run.journal.included(task, inclusion.what, inclusion.key[2], included.steps, included.handlers)
        return included

    def _known(self) -> dict[str, Any]:
        """The play's variables, without those of hosts."""
        own = dict(self._variables.of_nobody())
        files = vars_files_before_hosts(self._vars_files, self._folder, lambda name: self._render(name, own))
        return dict(self._variables.of_nobody(files))

    def _render(self, value: Any, variables: Mapping[str, Any]) -> Any:
        found = self._run.templar.render(value, {"omit": OMIT, **variables, **self._run.options.extra_vars})
        return [] if found is OMIT else found

    def _tag(self, value: Any, variables: Mapping[str, Any]) -> Any:
        try:
            return self._render(value, variables)
        except TemplateError:
            return value


def read_included(
    task: Task, what: Any, params: Mapping[str, Any], reader: TaskReader, *, handler: bool = False
) -> Included:
    """Read what a task includes.

    Args:
        what, params: see ``Inclusion``.
        reader: notes what is wrong; its parts are those of what is included.
        handler: the task is one.

    Raises:
        PlaybookError: it is not there.
    """
    include = task.include
    assert include is not None
    inherited = fold(include.outer, include.apply, reader.problems)
    inherited.params = [*task.inherited.params, dict(params)]
    inherited.vars = [*task.inherited.vars, *inherited.vars[len(include.outer.vars) :]]
    steps: list[Step]
    if task.action == "include_tasks":
        label, steps = _read_file(task, what, reader, inherited, handler)
    else:
        label, steps = _read_role(task, what, reader, inherited)
    return Included(steps, [*reader.parts.handlers, *reader.parts.imported], reader.parts.roles, label)


def _read_file(
    task: Task, what: Any, reader: TaskReader, inherited: Inherited, handler: bool
) -> tuple[str, list[Step]]:
    folder = reader.playbook_folder
    tried = candidates(str(what), task.inherited, folder, "handlers" if handler else "tasks")
    path = next((path for path in tried if path.is_file()), None)
    if path is None:
        looked = ", ".join(str(place) for place in tried)
        said = f"Could not find or access '{folder / str(what)}' on the Ansible Controller"
        raise _no_tasks(f"{said}: Unable to retrieve file contents.", task.origin, f"looked at {looked}")
    loaded = reader.files.load(path, reader.problems)
    if loaded is not None and not isinstance(loaded, list):
        said = f"included task files must contain a list of tasks, not {spoken(loaded)}"
        hint = "put '- ' before each task" if isinstance(loaded, dict) else None
        raise _no_tasks(said, origin_of(loaded, Origin(str(path))), hint)
    inner = reader.within(path)
    inherited = at(inherited, path)
    if handler:
        return str(path.resolve()), [*inner.handlers(loaded, inherited, Origin(str(path)))]
    return str(path.resolve()), inner.steps(loaded, inherited, "tasks", Origin(str(path)))


def _no_tasks(said: str, where: Origin | None, hint: str | None) -> PlaybookError:
    """The error for a file that is none of tasks: other than one that cannot be parsed it fails its hosts alone."""
    problem = PlaybookError(said, where=where, hint=hint)
    problem.exit_code = 1
    return problem


def _read_role(task: Task, what: Any, reader: TaskReader, inherited: Inherited) -> tuple[str, list[Step]]:
    use = role_use(what, task.origin, reader, "include_role")
    if use is None:
        return str(what), []
    assert task.include is not None
    use.given = dict(task.include.vars)
    scope = copy.copy(inherited)
    blocks = RoleReader(reader).use(use, scope, parents_of(task.inherited))
    return use.name, [*blocks]


def explained(problem: StellaError, inclusion: Inclusion) -> Result:
    """An include that cannot be read, as the failure of the hosts that wanted it."""
    name = inclusion.what.get("name") if isinstance(inclusion.what, Mapping) else inclusion.what
    told = {"include": name} if isinstance(inclusion.what, str) else {}
    return {"failed": True, "changed": False, **told, "reason": problem.message}
