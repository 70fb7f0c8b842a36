"""The parsed playbook: what was written, with its places, and nothing evaluated.

Keywords that a task inherits from its blocks and play are already folded in by the parser, so that a ``Task``
can be run without looking upwards: ``when`` is the conjunction from the outside in, ``tags`` the union,
``vars`` and ``environment`` are lists from the outermost level to the innermost, and for every other keyword
the nearest level that sets it wins; ``None`` means that no level does.

Values of keywords that may be templates are kept as written (``SourceText``); the engine renders them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Union

from stella_ops.origins import Origin


@dataclass(kw_only=True, slots=True)
class Inherited:
    """Keywords that plays and blocks hand down to their tasks."""

    when: list[Any] = field(default_factory=list)
    tags: frozenset[str] = frozenset()
    vars: list[dict[str, Any]] = field(default_factory=list)
    environment: list[Any] = field(default_factory=list)
    become: Any = None
    become_user: Any = None
    become_method: Any = None
    connection: Any = None
    remote_user: Any = None
    port: Any = None
    ignore_errors: Any = None
    ignore_unreachable: Any = None
    any_errors_fatal: Any = None
    check_mode: Any = None
    diff: Any = None
    no_log: Any = None
    run_once: Any = None
    delegate_to: Any = None
    timeout: Any = None


@dataclass(kw_only=True, slots=True)
class Task:
    """One action on every host of a play.

    Attributes:
        name: as written (may be a template), or None.
        action: canonical short name of the module or action: ``copy``, never ``ansible.builtin.copy``.
        args: arguments by name; for free-form modules the text is under ``_raw_params``.
        inherited: keywords with those of blocks and play folded in.
        loop: the ``loop`` or ``with_items`` value as written, or None.
        until: conditions, empty when the task is not retried.
    """

    name: str | None
    action: str
    args: dict[str, Any]
    origin: Origin
    inherited: Inherited
    loop: Any = None
    loop_var: str = "item"
    loop_index_var: str | None = None
    loop_label: Any = None
    loop_pause: Any = None
    register: str | None = None
    notify: list[Any] = field(default_factory=list)
    changed_when: list[Any] | None = None
    failed_when: list[Any] | None = None
    until: list[Any] = field(default_factory=list)
    retries: Any = None
    delay: Any = None

    @property
    def title(self) -> str:
        """The name to show: the given one, else the module's."""
        return self.name if self.name else self.action


@dataclass(kw_only=True, slots=True)
class Handler(Task):
    """A task that runs when it was notified by name or by a topic it listens to."""

    listen: list[str] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Block:
    """Tasks with a rescue and an always section. Keywords are already folded into the tasks."""

    name: str | None
    origin: Origin
    inherited: Inherited
    body: list[Step]
    rescue: list[Step] = field(default_factory=list)
    always: list[Step] = field(default_factory=list)


Step = Union[Task, Block]  # noqa: UP007 - Block refers to Step, so this must be evaluated lazily by name
Section = Literal["pre_tasks", "tasks", "post_tasks"]


@dataclass(kw_only=True, slots=True)
class Play:
    """Tasks for the hosts of one pattern.

    Attributes:
        serial: as written: None, a number, "30%", or a list of those.
        gather_facts: None when not written (facts are then gathered).
        vars_files: as written: a list of paths, or of lists of alternatives.
    """

    name: str | None
    hosts: Any
    origin: Origin
    inherited: Inherited
    vars: dict[str, Any] = field(default_factory=dict)
    vars_files: list[Any] = field(default_factory=list)
    gather_facts: Any = None
    gather_subset: Any = None
    serial: Any = None
    max_fail_percentage: Any = None
    strategy: Any = None
    force_handlers: Any = None
    pre_tasks: list[Step] = field(default_factory=list)
    tasks: list[Step] = field(default_factory=list)
    post_tasks: list[Step] = field(default_factory=list)
    handlers: list[Handler] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The name to show: the given one, else the host pattern."""
        if self.name:
            return self.name
        return ",".join(self.hosts) if isinstance(self.hosts, list) else str(self.hosts)

    def sections(self) -> Iterator[tuple[Section, list[Step]]]:
        """The three task lists in the order they run; handlers are flushed after each."""
        yield "pre_tasks", self.pre_tasks
        yield "tasks", self.tasks
        yield "post_tasks", self.post_tasks


@dataclass(kw_only=True, slots=True)
class Playbook:
    """The plays of one file, in order."""

    path: str
    plays: list[Play]


def walk_tasks(steps: list[Step]) -> Iterator[Task]:
    """Every task below some steps, in the order it is written."""
    for step in steps:
        if isinstance(step, Block):
            yield from walk_tasks(step.body)
            yield from walk_tasks(step.rescue)
            yield from walk_tasks(step.always)
        else:
            yield step
