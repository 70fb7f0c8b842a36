"""What variables are known where a file of a playbook is read, and no host is looked at.

Names of imported files and roles, and tags, are rendered with these. As in ansible-core they are the play's, its
``vars_files``, those of the roles, blocks, includes and imports around the place, and the extra variables; none of the
inventory's, and no facts.
"""

from __future__ import annotations

import contextlib
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stella_ops.errors import StellaError
from stella_ops.playbook.model import Inherited
from stella_ops.playbook.role_variables import role_layers
from stella_ops.playbook.variables import first_file

# Renders a value with the extra variables and those given.
RenderWith = Callable[[Any, Mapping[str, Any]], Any]


def as_written(value: Any, _: Mapping[str, Any]) -> Any:
    """Renders nothing."""
    return value


def known_at(of_play: Mapping[str, Any], inherited: Inherited | None, playbook_folder: Path) -> Mapping[str, Any]:
    """The variables that are known at a place.

    Args:
        of_play: those of the play.
        inherited: keywords of what is around the place.
    """
    layers: list[Mapping[str, Any]] = []
    defaults: list[Mapping[str, Any]] = [{"playbook_dir": str(playbook_folder)}]
    if inherited is not None:
        role = None if inherited.role is None else role_layers(inherited.role)
        layers += reversed(inherited.params)
        layers += role.params if role else []
        layers += reversed(inherited.vars)
        if role is not None:
            layers += [role.names, *role.vars]
            defaults = [*role.defaults, *defaults]
    return ChainMap(*map(dict, layers), dict(of_play), *map(dict, defaults))


def vars_files_before_hosts(entries: Sequence[Any], folder: Path, render: Callable[[Any], Any]) -> dict[str, Any]:
    """The variables of the ``vars_files`` that can be read before there are hosts; what is wrong is told later.

    Args:
        entries: as written.
        folder: of the playbook.
    """
    found: dict[str, Any] = {}
    for entry in entries:
        with contextlib.suppress(StellaError):
            alternatives = entry if isinstance(entry, list) else [entry]
            found.update(first_file([str(render(name)) for name in alternatives], folder, {}) or {})
    return found
