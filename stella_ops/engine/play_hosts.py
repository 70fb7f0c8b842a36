"""The hosts of a play: what its pattern means, with ``--limit``."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from stella_ops.engine.options import RunOptions
from stella_ops.errors import PatternError
from stella_ops.inventory.model import Inventory
from stella_ops.origins import origin_of
from stella_ops.playbook.model import Play, walk_tasks
from stella_ops.templating.templar import Templar


def early_variables(play: Play, options: RunOptions) -> Mapping[str, Any]:
    """What is known of a play before there is a host: extra variables, and its own."""
    return ChainMap(dict(options.extra_vars), play.vars)


def play_pattern(play: Play, inventory: Inventory, options: RunOptions, templar: Templar) -> Any:
    """The ``hosts`` of a play, rendered: a pattern or a list of them. Of the inventory it may name ``groups``."""
    return _early(play, play.hosts, inventory, options, templar)


def play_title(play: Play, inventory: Inventory, options: RunOptions, templar: Templar) -> str:
    """The name of a play, rendered; that of one without a name is its host pattern.

    Raises:
        TemplateError: it cannot be rendered.
    """
    if play.name:
        return str(_early(play, play.name, inventory, options, templar))
    return ",".join(pattern_terms(play_pattern(play, inventory, options, templar)))


def pattern_terms(pattern: Any) -> list[str]:
    """A host pattern as a list."""
    return [str(term) for term in pattern] if isinstance(pattern, list) else [str(pattern)]


def _early(play: Play, value: Any, inventory: Inventory, options: RunOptions, templar: Templar) -> Any:
    variables = early_variables(play, options)
    if isinstance(value, str) and "groups" in value:
        variables = ChainMap({"groups": inventory.groups_to_hosts()}, dict(variables))
    return templar.render(value, variables, where=play.origin)


def is_for_nobody(pattern: Any) -> bool:
    """Whether ``hosts`` came out as an empty list: a play that this inventory has no use for, and says nothing of."""
    return isinstance(pattern, list) and not pattern


def play_hosts(
    play: Play, inventory: Inventory, options: RunOptions, templar: Templar, *, grown: bool = False
) -> list[str]:
    """The hosts that a play is for, in order.

    Args:
        grown: parts of its pattern may be names that an earlier play makes, and mean nobody until then.

    Raises:
        PatternError: a pattern that is malformed or means nobody; its place is the play's ``hosts``.
        TemplateError: ``hosts`` cannot be rendered.
    """
    pattern = play_pattern(play, inventory, options, templar)
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
