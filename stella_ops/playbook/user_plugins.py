"""Whether there is a plug-in file of the user's for a name that is not ours, beside a playbook or in a role."""

from __future__ import annotations

import os
from pathlib import Path

from stella_ops.origins import Origin

_LEVELS = 6  # roles/NAME/tasks/sub/file.yml lies that deep in a project


def is_users(kind: str, name: str, where: Origin | None) -> bool:
    """Whether ``{kind}_plugins/NAME.py`` lies beside a file or above it, or where the environment says.

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
    named = os.environ.get(f"ANSIBLE_{kind.upper()}_PLUGINS", "").split(os.pathsep)
    places = [*named, f"~/.ansible/plugins/{kind}", f"/usr/share/ansible/plugins/{kind}"]
    return any((Path(place).expanduser() / file).is_file() for place in places if place)
