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

# Of these modules one action plug-in does the work, under all their names.
_ALIKE = {
    f"kubernetes.core.{name}": "kubernetes.core.k8s"
    for name in (
        *("helm", "helm_info", "helm_plugin", "helm_plugin_info", "helm_repository", "k8s_cluster_info", "k8s_cp"),
        *("k8s_drain", "k8s_exec", "k8s_info", "k8s_json_patch", "k8s_log", "k8s_rollback", "k8s_scale", "k8s_service"),
    )
}
_NOT_ACTIONS = frozenset({"argument_specs", "arguments", "base", "registry"})


@functools.cache
def action_names() -> frozenset[str]:
    """The names of all actions; reading them imports none."""
    names = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return frozenset(name for name in names - _NOT_ACTIONS if not name.startswith("_"))


@functools.cache
def collected_names() -> frozenset[str]:
    """The full names of modules of collections for which there is an action here.

    It stands in the place of the collection's own action plug-in, where that is installed.
    """
    folder = Path(__file__).parent / "collected"
    files = (path.relative_to(folder).with_suffix("") for path in folder.rglob("[!_]*.py"))
    names = {".".join(path.parts) for path in files}
    return frozenset(names | {name for name, same in _ALIKE.items() if same in names})


def is_collected(name: str) -> bool:
    """Whether it is one of ``collected_names``; their folders are looked through only for a name that may be one."""
    return "." in name and name in collected_names()


@functools.cache
def action(name: str) -> Action | None:
    """The action of a name, or None when a task of that name is a module alone."""
    if is_collected(name):
        return cast("Action", importlib.import_module(f"stella_ops.actions.collected.{_ALIKE.get(name, name)}"))
    if name not in action_names():
        return None
    return cast("Action", importlib.import_module(f"stella_ops.actions.{name}"))


@functools.cache
def action_arguments(name: str) -> Mapping[str, Mapping[str, Any]] | None:
    """What an action takes: its ``ARGUMENTS``, or else those of the module of its name; None when it takes any.

    A module's arguments whose names begin with "_" are what its action tells it.
    """
    found: Mapping[str, Mapping[str, Any]] | None = constants(action_file(name)).get("ARGUMENTS")
    module = content.module_path(name) if found is None and not is_collected(name) else None
    if module is None:
        return found
    taken: Mapping[str, Mapping[str, Any]] = constants(module).get("ARGUMENTS") or {}
    return {key: each for key, each in taken.items() if not key.startswith("_")}


def action_file(name: str) -> Path:
    """The file of an action; its constants say what the action takes (see ``module_source.py``)."""
    if is_collected(name):
        return (Path(__file__).parent / "collected").joinpath(*_ALIKE.get(name, name).split(".")).with_suffix(".py")
    return Path(__file__).parent / f"{name}.py"
