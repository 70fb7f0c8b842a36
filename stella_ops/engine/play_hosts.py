"""The hosts of a play: what its pattern means, with ``--limit``."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from stella_ops.engine.options import RunOptions
from stella_ops.errors import PatternError
from stella_ops.inventory.model import Inventory
from stella_ops.origins import origin_of
from stella_ops.playbook.model import Play
from stella_ops.templating.templar import Templar


def early_variables(play: Play, options: RunOptions) -> Mapping[str, Any]:
    """What is known of a play before there is a host: extra variables, and its own."""
    return ChainMap(dict(options.extra_vars), play.vars)


def play_pattern(play: Play, options: RunOptions, templar: Templar) -> Any:
    """The ``hosts`` of a play, rendered: a pattern or a list of them."""
    return templar.render(play.hosts, early_variables(play, options), where=play.origin)


def play_hosts(play: Play, inventory: Inventory, options: RunOptions, templar: Templar) -> list[str]:
    """The hosts that a play is for, in order.

    Raises:
        PatternError: a pattern that is malformed or means nobody; its place is the play's ``hosts``.
        TemplateError: ``hosts`` cannot be rendered.
    """
    pattern = play_pattern(play, options, templar)
    try:
        hosts = inventory.select(pattern)
    except PatternError as problem:
        problem.where = str(origin_of(play.hosts, play.origin))
        raise
    return hosts if options.limit is None else inventory.select(pattern, options.limit)
