"""Whether there is a plug-in file of the user's for a name that is not ours, beside a playbook or in a role."""

from __future__ import annotations

from pathlib import Path

from stella_ops.ansible_settings.plugin_folders import plugin_folders
from stella_ops.origins import Origin

_LEVELS = 6  # roles/NAME/tasks/sub/file.yml lies that deep in a project


def is_users(kind: str, name: str, where: Origin | None) -> bool:
    """Whether ``{kind}_plugins/NAME.py`` lies beside a file or above it, or where settings say.

    Args:
        kind: lookup, action ...
        where: in the file that names it.
    """
    if not name.isidentifier():
        return False
    file = f"{name}.py"
    above = Path(where.source).absolute().parents[:_LEVELS] if where is not None and where.source else ()
    if any((folder / f"{kind}_plugins" / file).is_file() for folder in above):
        return True
    return any((folder / file).is_file() for folder in plugin_folders(kind))
