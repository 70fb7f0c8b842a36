"""Modules that need an action plug-in of others, which is code of ansible-core's controller and is never run here.

Why, and which of them have a counterpart here, tells ``docs/adr/0016-others-action-plugins-are-refused.md``.
"""

from __future__ import annotations

from stella_ops.errors import CollectionError, PlaybookError
from stella_ops.origins import Origin
from stella_ops.playbook.module_index import ModuleIndex
from stella_ops.playbook.module_names import action_plugin, short_name
from stella_ops.playbook.user_plugins import is_users


def refusal(name: str, written: str, modules: ModuleIndex, where: Origin | None) -> PlaybookError | None:
    """Why a task cannot run that names a module; None where nothing is in its way.

    Args:
        name: canonical.
        written: as the task has it.
        where: of the name.

    Raises:
        PlaybookError: the module's source cannot be read.
    """
    if modules.is_ours(name):
        return None
    try:
        plugin = action_plugin(name)
    except CollectionError:  # told by whoever looks for the module
        return None
    short = short_name(name)
    if plugin is not None:
        text = f"'{written}' needs the action plug-in '{plugin}': those are not supported"
        hint = "use a module that does without, or write what it does as a role or a module of your own"
    elif is_users("action", short, where):
        text = f"'{written}' is an action plug-in: those are not supported"
        hint = f"write it as a module: modules/{short}.py beside the playbook, or as a role"
    else:
        return None
    refused = PlaybookError(text, where=where, hint=hint)
    refused.rule = "not-supported"
    return refused
