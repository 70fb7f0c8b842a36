"""The hosts of a play: what its pattern means, with ``--limit``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.engine.keyword_values import rendered
from stella_ops.engine.options import RunOptions
from stella_ops.errors import PatternError, PlaybookError, StellaError, TemplateError
from stella_ops.inventory.model import Inventory
from stella_ops.origins import origin_of
from stella_ops.playbook.keywords import is_template
from stella_ops.playbook.model import Play, walk_tasks
from stella_ops.templating.templar import Templar

if TYPE_CHECKING:
    from stella_ops.engine.host_state import HostState


def early(
    play: Play,
    name: str,
    value: Any,
    inventory: Inventory,
    options: RunOptions,
    templar: Templar,
    states: Mapping[str, HostState] | None = None,
) -> Any:
    """The value of a keyword that a play needs before it has hosts, rendered.

    It may use what does not hang on a host: extra variables, those of the play, its ``vars_files`` and its roles,
    ``groups``, and ``hostvars``.

    Args:
        name: the keyword.
        states: of the hosts that took part before, for ``hostvars``.

    Raises:
        TemplateError: it cannot be rendered.
    """
    if not any(map(is_template, value if isinstance(value, list) else [value])):
        return value
    from stella_ops.engine.variables import PlayVariables
    from stella_ops.playbook.variables import first_file

    folder = Path(play.path or play.origin.source).resolve().parent
    variables = PlayVariables(
        inventory,
        options,
        templar,
        states or {},
        play_vars=play.vars,
        play_name="",
        play_hosts=[],
        playbook_dir=folder,
        run_id="",
        roles=play.roles,
    )
    files: dict[str, Any] = {}
    for entry in play.vars_files:
        with contextlib.suppress(StellaError):  # what is wrong with it is told when the play begins
            names = templar.render(entry, variables.of_nobody())
            files.update(first_file(pattern_terms(names), folder, {}) or {})
    with of_playbook():
        view = variables.of_nobody(files)
        return rendered(name, value, lambda written: templar.render(written, view, where=play.origin))


@contextlib.contextmanager
def of_playbook() -> Iterator[None]:
    """Around keywords of a play: one that comes to nothing is a mistake of the playbook, and no host's."""
    try:
        yield
    except TemplateError as problem:
        problem.exit_code = PlaybookError.exit_code
        raise


def play_pattern(
    play: Play,
    inventory: Inventory,
    options: RunOptions,
    templar: Templar,
    states: Mapping[str, HostState] | None = None,
) -> Any:
    """The ``hosts`` of a play, rendered: a pattern or a list of them; see ``early``."""
    # ansible-core takes the hosts for the name of a play without one, and meets them there first.
    return early(play, "hosts" if play.name else "name", play.hosts, inventory, options, templar, states)


def play_title(
    play: Play,
    inventory: Inventory,
    options: RunOptions,
    templar: Templar,
    states: Mapping[str, HostState] | None = None,
) -> str:
    """The name of a play, rendered; that of one without a name is its host pattern.

    Raises:
        TemplateError: it cannot be rendered.
    """
    if play.name:
        return str(early(play, "name", play.name, inventory, options, templar, states))
    pattern = play_pattern(play, inventory, options, templar, states)
    # A list that a template made is shown as one, as ansible-core does.
    return str(pattern) if isinstance(play.hosts, str) else ",".join(pattern_terms(pattern))


def pattern_terms(pattern: Any) -> list[str]:
    """A host pattern as a list."""
    return [str(term) for term in (pattern if isinstance(pattern, list) else [pattern])]


def is_for_nobody(pattern: Any) -> bool:
    """Whether ``hosts`` came out as an empty list: a play that this inventory has no use for, and says nothing of."""
    return isinstance(pattern, list) and not pattern


def play_hosts(
    play: Play,
    inventory: Inventory,
    options: RunOptions,
    templar: Templar,
    states: Mapping[str, HostState] | None = None,
    *,
    grown: bool = False,
) -> list[str]:
    """The hosts that a play is for, in order.

    Args:
        grown: parts of its pattern may be names that an earlier play makes, and mean nobody until then.

    Raises:
        PatternError: a pattern that is malformed or means nobody; its place is the play's ``hosts``.
        TemplateError: ``hosts`` cannot be rendered.
    """
    pattern = play_pattern(play, inventory, options, templar, states)
    if is_for_nobody(pattern):
        return []
    try:
        mismatch = "ignore" if grown else None
        hosts = inventory.select(pattern, mismatch=mismatch)
    except PatternError as problem:
        problem.where = str(origin_of(play.hosts, play.origin))
        raise
    return hosts if options.limit is None else inventory.select(pattern, options.limit, mismatch=mismatch)


def may_add_hosts(play: Play) -> bool:
    """Whether a play may make hosts or groups for those after it."""
    tasks = [task for _, steps in play.sections() for task in walk_tasks(steps)]
    return any(
        task.include is not None
        or task.action in ("add_host", "group_by")
        or (task.action == "meta" and "refresh_inventory" in str(task.args.get("_raw_params")))
        for task in (*tasks, *play.handlers)
    )
