"""The variables that roles bring, as layers, the strongest first; by ansible-core's ``Role.get_vars``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stella_ops.playbook.model import Role

Layer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RoleLayers:
    """What the tasks of a role see.

    Attributes:
        names: who it is: role_name, role_path and the like.
        params: parameters, which stand above ``set_fact``.
        vars: below the tasks' own.
        defaults: below all else.
    """

    names: Layer
    params: list[Layer]
    vars: list[Layer]
    defaults: list[Layer]


def role_layers(role: Role) -> RoleLayers:
    """The layers for the tasks of a role."""
    uses = list(reversed(role.chain))
    params: list[Layer] = [layer for layer in (role.params, *(parent.params for parent in uses)) if layer]
    variables: list[Layer] = [role.given, *params, role.vars]
    for dependency in reversed(role.dependencies):
        variables += exported_layers(dependency)[0]
    for parent in uses:
        variables += [parent.vars, parent.given]
    defaults: list[Layer] = [role.defaults, *(parent.defaults for parent in uses)]
    defaults += [dependency.defaults for dependency in reversed(role.dependencies)]
    return RoleLayers(
        _names(role), params, [layer for layer in variables if layer], [layer for layer in defaults if layer]
    )


def exported_layers(role: Role) -> tuple[list[Layer], list[Layer]]:
    """What a role's variables and defaults are for the play outside of it."""
    needed = list(reversed(role.dependencies))
    variables: list[Layer] = [layer for layer in (role.vars, *(dependency.vars for dependency in needed)) if layer]
    defaults: list[Layer] = [
        layer for layer in (role.defaults, *(dependency.defaults for dependency in needed)) if layer
    ]
    return variables, defaults


def _names(role: Role) -> Layer:
    made: dict[str, Any] = {
        "role_name": role.short,
        "ansible_role_name": role.name,
        "role_path": role.folder,
        "ansible_collection_name": role.collection,
    }
    if role.chain and role.included:
        made["ansible_parent_role_names"] = [parent.name for parent in reversed(role.chain)]
        made["ansible_parent_role_paths"] = [parent.folder for parent in reversed(role.chain)]
    return made


def role_names(of_play: Sequence[Role], included: Sequence[Role] = ()) -> dict[str, Any]:
    """The magic variables that name the roles of a play: its own, and behind them those it has included so far."""
    roles = [*of_play, *included]
    direct = [role.name for role in roles]
    needed = list(dict.fromkeys(each.name for role in roles for each in role.dependencies))
    return {
        "role_names": direct,
        "ansible_play_role_names": direct,
        "ansible_dependent_role_names": needed,
        "ansible_role_names": sorted({*direct, *needed}),
    }
