"""The user's folder for collections, roles and plug-ins: ``~/.ansible``, or what ``ANSIBLE_HOME`` says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

USUAL = "~/.ansible"


def at_home(path: str, environ: Mapping[str, str] = os.environ) -> str:
    """A path below that folder, whole; another path with its ``~`` resolved.

    Args:
        path: may begin with ``~/.ansible``.
    """
    if path == USUAL or path.startswith(f"{USUAL}/"):
        path = (environ.get("ANSIBLE_HOME") or USUAL) + path.removeprefix(USUAL)
    return str(Path(path).expanduser())
