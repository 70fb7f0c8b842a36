"""The modules and actions a command line may name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stella_ops.actions.registry import action_literals, action_names
from stella_ops.playbook.module_index import ModuleSpec, SourceModuleIndex


def module_index(folders: Sequence[Path]) -> SourceModuleIndex:
    """Actions, the user's modules, the built-in ones."""
    actions: dict[str, ModuleSpec] = {}
    for name in action_names():
        literals = action_literals(name)
        actions[name] = ModuleSpec(name, arguments=literals.get("ARGUMENTS"), free_form=literals.get("FREE_FORM"))
    return SourceModuleIndex(folders, actions)
