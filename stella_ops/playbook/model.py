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

from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin


@dataclass(kw_only=True, slots=True, eq=False)
class Role:
    """A role in one place where it is used.

    Attributes:
        name: the full one where it is a collection's.
        folder: absolute.
        collection: that it lies in.
        collections: in which its tasks' short names are looked for, and those of roles it depends on.
        defaults, vars: of its files; values as written.
        params: what its entry says besides keywords (``{role: x, port: 80}``).
        given: its entry's ``vars``.
        chain: the roles that it is used by, the outermost first.
        dependencies: all that it depends on, in the order they run.
        public: its variables are the whole play's; None leaves it to what is set.
        included: by a task, and not in ``roles`` or by another role's dependencies.
        key: uses with the same key are one use: it runs once on a host, unless ``allow_duplicates``.
    """

    name: str
    folder: str
    collection: str | None = None
    collections: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    chain: tuple[Role, ...] = ()
    dependencies: tuple[Role, ...] = ()
    public: bool | None = None
    allow_duplicates: bool = False
    included: bool = False
    key: Any = None

    @property
    def short(self) -> str:
        """The name without that of its collection."""
        return self.name if self.collection is None else self.name.rpartition(".")[2]


@dataclass(kw_only=True, slots=True)
class Inherited:
    """Keywords that plays and blocks hand down to their tasks.

    The last three are no keywords but say where a task is: in which role, in a file of which folder, and with which
    variables it was included, the outermost include first.
    """

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
    delegate_facts: Any = None
    timeout: Any = None
    throttle: Any = None
    become_flags: Any = None
    become_exe: Any = None
    module_defaults: list[Any] = field(default_factory=list)
    collections: Any = None
    debugger: Any = None
    role: Role | None = None
    folder: str | None = None
    params: list[dict[str, Any]] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Include:
    """What an include that is carried out while the play runs hands to what it includes.

    Attributes:
        outer: the keywords of what is around it: its own are not for the included, but its variables.
        apply: keywords that are, as written.
        vars: its ``vars``.
    """

    outer: Inherited
    apply: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class Task:
    """One action on every host of a play.

    Attributes:
        name: as written (may be a template), or None.
        action: canonical name of the module or action: ``copy``, never ``ansible.builtin.copy``; of a collection's
            module the full name.
        written: the module's name as it is written.
        args: arguments by name; for free-form modules the text is under ``_raw_params``.
        inherited: keywords with those of blocks and play folded in.
        loop: the ``loop`` or ``with_items`` value as written, or None.
        until: conditions, empty when the task is not retried.
        asynchronous: the keyword ``async``.
        include: what an ``include_tasks`` or ``include_role`` must know later.
        gathers: gathers the facts of a play's hosts.
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
    asynchronous: Any = None
    poll: Any = None
    loop_extended: Any = None
    loop_extended_allitems: Any = None
    loop_break_when: list[Any] = field(default_factory=list)
    include: Include | None = None
    written: str | None = None
    gathers: bool = False

    @property
    def title(self) -> str:
        """The name to show: the given one, else the module's; behind that of its role."""
        title = self.name or self.written or self.action
        if self.action == "include_role":
            return self.name or f"{title} : {self.args.get('name', self.args.get('role'))}"
        return title if self.inherited.role is None else f"{self.inherited.role.name} : {title}"


@dataclass(kw_only=True, slots=True)
class Handler(Task):
    """A task that runs when it was notified by name or by a topic it listens to."""

    listen: list[str] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Block:
    """Tasks with a rescue and an always section. Keywords are already folded into the tasks.

    ``role`` is set where the block is a whole role.
    """

    name: str | None
    origin: Origin
    inherited: Inherited
    body: list[Step]
    rescue: list[Step] = field(default_factory=list)
    always: list[Step] = field(default_factory=list)
    role: Role | None = None


Step = Union[Task, Block]  # noqa: UP007 - Block refers to Step, so this must be evaluated lazily by name
Section = Literal["pre_tasks", "tasks", "post_tasks"]


@dataclass(kw_only=True, slots=True)
class Prompt:
    """A variable that the operator is asked for: an entry of ``vars_prompt``; see ansible-core's documentation."""

    name: str
    origin: Origin
    prompt: Any = None
    default: Any = None
    private: Any = True
    confirm: Any = False
    encrypt: Any = None
    salt: Any = None
    salt_size: Any = None
    unsafe: Any = False


@dataclass(kw_only=True, slots=True)
class Play:
    """Tasks for the hosts of one pattern.

    Attributes:
        path: of the file it is written in.
        handlers: those of roles first.
        handler_groups: the number of handlers of each role, and last of the play's own: of one name, those of the
            last group win.
        roles: used by the play as a whole.
        serial: as written: None, a number, "30%", or a list of those.
        gather_facts: None when not written (facts are then gathered).
        vars_files: as written: a list of paths, or of lists of alternatives.
        wrong: what its keywords hold and cannot, where that is told when its turn has come.
        wrong_in_run: the same of keywords that a listing does not look at.
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
    max_fail: Any = None
    max_unreachable: Any = None
    strategy: Any = None
    force_handlers: Any = None
    pre_tasks: list[Step] = field(default_factory=list)
    tasks: list[Step] = field(default_factory=list)
    post_tasks: list[Step] = field(default_factory=list)
    handlers: list[Handler] = field(default_factory=list)
    handler_groups: list[int] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    vars_prompt: list[Prompt] = field(default_factory=list)
    order: Any = None
    gather_timeout: Any = None
    fact_path: Any = None
    path: str | None = None
    wrong: list[PlaybookError] = field(default_factory=list)
    wrong_in_run: list[PlaybookError] = field(default_factory=list)

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
    """The plays of one file, in order.

    ``problem`` is what keeps it from being read, where that is told when its turn has come.
    """

    path: str
    plays: list[Play]
    problem: PlaybookError | None = None


def walk_tasks(steps: list[Step], *, bodies_alone: bool = False) -> Iterator[Task]:
    """Every task below some steps, in the order it is written.

    Args:
        bodies_alone: without the rescue and always sections of blocks.
    """
    for step in steps:
        if isinstance(step, Block):
            yield from walk_tasks(step.body, bodies_alone=bodies_alone)
            if not bodies_alone:
                yield from walk_tasks(step.rescue)
                yield from walk_tasks(step.always)
        else:
            yield step
