"""Finds actions by name, and tells the playbook parser what each takes."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stella_ops import content
from stella_ops.module_source import constants

if TYPE_CHECKING:
    from stella_ops.actions.base import Action

_NOT_ACTIONS = frozenset({"argument_specs", "arguments", "base", "registry"})


@functools.cache
def action_names() -> frozenset[str]:
    """The names of all actions; reading them imports none."""
    names = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return frozenset(name for name in names - _NOT_ACTIONS if not name.startswith("_"))


@functools.cache
def action(name: str) -> Action | None:
    """The action of a name, or None when a task of that name is a module alone."""
    if name not in action_names():
        return None
    return cast("Action", importlib.import_module(f"stella_ops.actions.{name}"))


@functools.cache
def action_arguments(name: str) -> Mapping[str, Mapping[str, Any]] | None:
    """What an action takes: its ``ARGUMENTS``, or else those of the module of its name; None when it takes any.

    A module's arguments whose names begin with "_" are what its action tells it.
    """
    found: Mapping[str, Mapping[str, Any]] | None = constants(action_file(name)).get("ARGUMENTS")
    module = content.module_path(name) if found is None else None
    if module is None:
        return found
    taken: Mapping[str, Mapping[str, Any]] = constants(module).get("ARGUMENTS") or {}
    return {key: each for key, each in taken.items() if not key.startswith("_")}


def action_file(name: str) -> Path:
    """The file of an action; its constants say what the action takes (see ``module_source.py``)."""
    return Path(__file__).parent / f"{name}.py"
