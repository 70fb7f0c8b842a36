"""One portion of a play's hosts (all of them, without ``serial``), and what is noted of it while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stella_ops.collections import current
from stella_ops.engine import keyword_values
from stella_ops.engine.handlers import Notifications
from stella_ops.engine.host_state import HostState
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.variables import PlayVariables
from stella_ops.errors import StellaError, TemplateError
from stella_ops.origins import SourceText
from stella_ops.playbook.model import Play, Task
from stella_ops.templating.scope import is_template


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed on a host, with its result, and where they are known arguments and delegate."""

    task: Task
    result: dict[str, Any]
    arguments: dict[str, Any] | None = None
    delegate: str | None = None


class Batch:
    """The hosts that a play runs on together.

    Attributes:
        hosts: in order.
        alone: it is one host, which goes through the play by itself.
        notifications: which handlers are to run, and on whom.
        last_failure: what a host failed with, for its rescue section.
        guards: how many rescue sections enclose the running task; while there is one, a failure is not final.
        forgiven: the hosts whose failure ``clear_host_errors`` took back.
        lost_in_handlers: the hosts that a handler failed on, and those that failed in a section whose handlers have
            run: no others run there, even where handlers are forced.
        roles_begun, roles_done: the hosts on which a task of a role has run, and those through with it, by its key.
    """

    def __init__(
        self, run: RunContext, play: Play, variables: PlayVariables, hosts: Sequence[str], *, alone: bool = False
    ) -> None:
        self.run = run
        self.alone = alone
        self.play = play
        self.variables = variables
        self.hosts = list(hosts)
        self.notifications = Notifications(
            play.handlers, [self.title(handler) for handler in play.handlers], play.handler_groups, self._unnamed
        )
        self.last_failure: dict[str, Failure] = {}
        self.guards = 0
        self.forgiven: set[str] = set()
        self.lost_in_handlers: set[str] = set()
        self.roles_begun: dict[Any, set[str]] = {}
        self.roles_done: dict[Any, set[str]] = {}

    def state(self, host: str) -> HostState:
        """What is known of a host."""
        return self.run.state(host)

    def active(self, hosts: Iterable[str] | None = None) -> list[str]:
        """Those of some hosts (of all) that further tasks run on."""
        states = self.run.states
        return [host for host in (self.hosts if hosts is None else hosts) if states[host].active]

    def set_failed(self, hosts: Iterable[str], failed: bool) -> None:
        """Note that hosts failed, or that this is taken back."""
        for host in hosts:
            self.state(host).failed = failed
            if failed and self.guards:
                self.variables.guarded.add(host)
            elif failed:
                self.variables.guarded.discard(host)
        self.variables.forget()

    def title(self, task: Task) -> str:
        """A task's name for display: rendered where that is possible for the first host."""
        return with_role(task, self.bare_title(task, self.hosts[0])) if task.name else task.title

    def _unnamed(self, handler: Task) -> None:
        """Tell of a handler without topics whose name could not be rendered."""
        try:
            self.run.templar.render(handler.name, self.variables.of(self.hosts[0], handler))
        except TemplateError as problem:
            current().say(
                f"Handler '{handler.name}' is unusable because it has no listen topics and the name could not be "
                "templated (host-specific variables are not supported in handler names). "
                f"The error: {problem.message}"
            )

    def shown_title(self, task: Task) -> str:
        """A task's name as its headline has it: with words in the place of what is undefined in it."""
        found = self.title(task)
        if task.action == "meta" or not isinstance(task.name, SourceText) or not is_template(found):
            return found
        name, told = self.run.templar.shown(task.name, self.variables.of(self.hosts[0], task))
        if told:
            current().say(told)
        return with_role(task, str(name))

    def told_title(self, task: Task, host: str) -> str:
        """The name that a task is given, as ``shown_title`` has it, for a host and without its role's."""
        found = self.bare_title(task, host)
        if not isinstance(task.name, SourceText) or not is_template(found):
            return found
        return str(self.run.templar.shown(task.name, self.variables.of(host, task))[0])

    def action(self, task: Task, host: str) -> str:
        """The name of a task's action: rendered where a template names it, for a host, if it can be."""
        if not is_template(task.action):
            return task.action
        from stella_ops.playbook.module_names import canonical

        try:
            named = str(self.run.templar.render(task.action, self.variables.of(host, task)))
            return canonical(named, self.run.modules)
        except StellaError:
            return str(task.action)  # the task tells what is wrong with it

    def set_fallen(self, hosts: Iterable[str], fallen: bool) -> None:
        """Note that hosts that failed run an always section, or that they are through with it."""
        for host in hosts:
            self.state(host).fallen = fallen
        self.variables.forget()

    def bare_title(self, task: Task, host: str) -> str:
        """The name that a task is given, rendered where that is possible for a host, without its role's."""
        try:
            return str(self.run.templar.render(task.name, self.variables.of(host, task)))
        except TemplateError:
            return str(task.name)

    def flag(self, name: str, value: Any, task: Task | None = None, host: str | None = None) -> bool:
        """A keyword that is true or false for all hosts; a template sees the variables of the first."""
        if value is None or isinstance(value, bool):
            return bool(value)
        return keyword_values.flag(name, value, self.run.templar, self.variables.of(host or self.hosts[0], task))


def with_role(task: Task, name: str) -> str:
    """A task's name with that of its role in front of it."""
    role = task.inherited.role
    return name if role is None or task.action == "include_role" else f"{role.name} : {name}"
