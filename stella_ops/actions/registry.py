"""Finds actions by name, and tells the playbook parser what each takes."""

from __future__ import annotations

import ast
import functools
import importlib
from pathlib import Path
from typing import Any, cast

from stella_ops.actions.base import Action

_NOT_ACTIONS = frozenset({"arguments", "base", "registry"})


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
    return cast(Action, importlib.import_module(f"stella_ops.actions.{name}"))


@functools.cache
def action_literals(name: str) -> dict[str, Any]:
    """The literal constants (ARGUMENTS, FREE_FORM) of an action's file, without importing it."""
    tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id in ("ARGUMENTS", "FREE_FORM") and value is not None:
            found[target.id] = ast.literal_eval(value)
    return found
