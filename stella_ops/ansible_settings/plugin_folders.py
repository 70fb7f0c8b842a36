"""Folders of plug-ins that the environment or ``ansible.cfg`` names."""

from __future__ import annotations

import os
from pathlib import Path

from stella_ops.ansible_settings.home import at_home
from stella_ops.ansible_settings.reading import read_ansible_settings


def plugin_folders(kind: str) -> list[Path]:
    """The folders that are set for a kind of plug-in, then the user's and the machine's.

    Args:
        kind: filter, lookup, action …
    """
    set_ones: list[Path] = read_ansible_settings(os.environ, Path.cwd()).choose(
        f"DEFAULT_{kind.upper()}_PLUGIN_PATH", default=()
    )
    usual = (f"~/.ansible/plugins/{kind}", f"/usr/share/ansible/plugins/{kind}")
    return [*set_ones, *(Path(at_home(folder)) for folder in usual)]
