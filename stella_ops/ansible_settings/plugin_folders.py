"""Folders of plug-ins that the environment or ``ansible.cfg`` names."""

from __future__ import annotations

import os
from pathlib import Path

from stella_ops.ansible_settings.defaults import default_of
from stella_ops.ansible_settings.reading import AnsibleSettings, read_ansible_settings

_PLAIN = ("become", "doc_fragment")  # these settings have shorter names than the others


def plugin_folders(kind: str, settings: AnsibleSettings | None = None) -> list[Path]:
    """The folders that are set for a kind of plug-in, then the user's and the machine's.

    Args:
        kind: filter, lookup, action …
        settings: read here where they are not at hand.
    """
    name = f"DEFAULT_{kind.upper()}_PLUGIN_PATH"
    settings = settings or read_ansible_settings(os.environ, Path.cwd())
    return [*settings.choose(name, default=()), *map(Path, default_of(name))]


def documented_folders(kind: str, settings: AnsibleSettings) -> list[Path]:
    """The same of any kind, those included whose plug-ins are told of and not used; none of kinds without a setting."""
    from stella_ops.ansible_settings.values import by_name, value_of

    name = f"{'' if kind in _PLAIN else 'DEFAULT_'}{kind.upper()}_PLUGIN_PATH"
    setting = by_name().get(name)
    if setting is None:
        return []
    return [Path(folder) for folder in value_of(setting, settings, os.environ).value]
