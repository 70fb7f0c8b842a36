"""Folders of plug-ins that the environment or ``ansible.cfg`` names."""

from __future__ import annotations

import os
from pathlib import Path

from stella_ops.ansible_settings.defaults import default_of
from stella_ops.ansible_settings.reading import AnsibleSettings, read_ansible_settings


def plugin_folders(kind: str, settings: AnsibleSettings | None = None) -> list[Path]:
    """The folders that are set for a kind of plug-in, then the user's and the machine's.

    Args:
        kind: filter, lookup, action …
        settings: read here where they are not at hand.
    """
    name = f"DEFAULT_{kind.upper()}_PLUGIN_PATH"
    settings = settings or read_ansible_settings(os.environ, Path.cwd())
    return [*settings.choose(name, default=()), *map(Path, default_of(name))]
