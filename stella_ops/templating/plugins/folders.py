"""Where users' plug-ins lie: beside the playbook, in roles, and where settings say.

Nothing is imported here before such a folder is found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from stella_ops.ansible_settings.plugin_folders import plugin_folders

KINDS = {"filter": "filter_plugins", "test": "test_plugins", "lookup": "lookup_plugins"}
_INSTEAD = {
    "action_plugins": "write a module, or a role",
    "callback_plugins": "use --output json, which has every event of a run",
    "connection_plugins": "connections are ssh and local",
    "strategy_plugins": "strategies are linear, pipelined, free and host_pinned",
    "become_plugins": "tasks become another user by sudo",
    "cache_plugins": "facts are kept as long as a run lasts",
    "terminal_plugins": "network devices without a shell are not supported",
    "cliconf_plugins": "network devices without a shell are not supported",
    "httpapi_plugins": "network devices without a shell are not supported",
    "netconf_plugins": "network devices without a shell are not supported",
}

_used: dict[tuple[str, Path], None] = {}
_modules: Sequence[Path] = ()
_seen: set[Path] = set()


def use_beside(place: Path) -> list[str]:
    """Use the plug-ins in the folders of a playbook or role.

    Args:
        place: the folder of the playbook, or of the role.

    Returns:
        what an operator should know: kinds of plug-ins that are not supported, and what there is instead.
    """
    if place in _seen:
        return []
    _seen.add(place)
    try:
        names = {entry.name for entry in os.scandir(place) if entry.name.endswith("_plugins")}
    except OSError:
        return []
    for kind, name in KINDS.items():
        if name in names:
            use_folder(kind, place / name)
    return [
        f"{place / name}: ansible-core's {name.removesuffix('_plugins')} plug-ins are not supported: {instead}"
        for name, instead in _INSTEAD.items()
        if name in names and any((place / name).glob("*.py"))
    ]


def use_configured() -> None:
    """Use the plug-ins where ``ANSIBLE_FILTER_PLUGINS`` and its kin say, and those of the user and the machine."""
    for kind in KINDS:
        for folder in plugin_folders(kind):
            use_folder(kind, folder)


def use_folder(kind: str, folder: Path) -> None:
    """Use the plug-ins of one kind in one folder; those of folders that are named earlier come first."""
    if (kind, folder) in _used or not folder.is_dir():
        return
    _used[kind, folder] = None
    from stella_ops.templating.plugins.loading import take

    take(kind, folder)


def use_modules(places: Sequence[Path]) -> None:
    """The folders of modules of the user's own, which plug-ins may ask about; roles may still add to them."""
    global _modules
    _modules = places


def module_folders() -> Sequence[Path]:
    """Those folders, the first to look in first."""
    return _modules


def folders(kind: str) -> Iterator[Path]:
    """The folders of a kind, the first to look in first."""
    return (folder for known, folder in _used if known == kind)


def forget() -> None:
    """Use none any more: another run begins."""
    _seen.clear()
    use_modules(())
    if not _used:
        return
    _used.clear()
    from stella_ops.templating.plugins.loading import drop

    drop()
