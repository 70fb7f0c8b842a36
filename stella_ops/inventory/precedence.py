"""Which value of a variable wins, as far as the inventory decides.

From the weakest to the strongest, with the numbers of Ansible's documentation ("Understanding variable
precedence"):

     3  group variables of the inventory sources: ``all``, then groups by depth, priority and name
     4  inventory ``group_vars/all``            5  playbook ``group_vars/all``
     6  inventory ``group_vars/*``              7  playbook ``group_vars/*``
     8  host variables of the inventory sources
     9  inventory ``host_vars/*``              10  playbook ``host_vars/*``

A stronger value replaces a weaker one whole; mappings are merged where ``hash_behaviour`` says so.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.inventory.vars_files import Kind, VarsFiles

if TYPE_CHECKING:
    from stella_ops.inventory.model import Group, Host


LEVELS = (
    *("all_inventory", "groups_inventory", "all_plugins_inventory", "all_plugins_play"),
    *("groups_plugins_inventory", "groups_plugins_play"),
)


class VariableLevels:
    """Merges the levels; what hosts of the same groups share is merged once."""

    def __init__(self, warnings: list[str]) -> None:
        self._warnings = warnings
        self._files = VarsFiles(warnings)
        self.merge_hashes = False
        self.plugins: Callable[[Path, Sequence[Host | Group]], Mapping[str, Any]] | None = None
        self._order: Sequence[str] = LEVELS
        self._of_groups: dict[tuple[tuple[str, ...], Path | None], dict[str, Any]] = {}

    def order_levels(self, order: Sequence[str] | None, extensions: Sequence[str] | None) -> None:
        """Put the levels of groups in another order; those that are not named do not count.

        Args:
            extensions: endings of variable files, besides none.
        """
        known = [name for name in order or () if name in LEVELS]
        self._warnings += [
            f"Ignoring unknown variable precedence entry: {name}" for name in order or () if name not in LEVELS
        ]
        self._order = known if order else LEVELS
        if extensions:
            self._files.extensions = ("", *(name if name.startswith(".") else f".{name}" for name in extensions))
        self.forget_groups()

    def forget_groups(self) -> None:
        """Groups have moved: merge anew."""
        self._of_groups.clear()

    def merge(
        self,
        host: Host,
        everyone: Group,
        chain: Sequence[Group],
        folders: Sequence[Path],
        playbook_dir: Path | None,
    ) -> dict[str, Any]:
        """The variables of a host whose groups but ``all`` are ``chain``, the strongest last."""
        key = (tuple(group.name for group in chain), playbook_dir)
        shared = self._of_groups.get(key)
        if shared is None:
            shared = self._of_groups[key] = self._merge_groups(everyone, chain, folders, playbook_dir)
        merged = dict(shared)
        self._add(merged, host.vars)
        for folder in _with(folders, playbook_dir):
            self._add(merged, self._files.variables(folder, "host_vars", host.name))
            if self.plugins is not None:
                self._add(merged, self.plugins(folder, [host]))
        return merged

    def _add(self, merged: dict[str, Any], stronger: Mapping[str, Any]) -> None:
        if self.merge_hashes:
            add_deep(merged, stronger)
        else:
            merged.update(stronger)

    def own(self, of: Host | Group, kind: Kind, folders: Sequence[Path], playbook_dir: Path | None) -> dict[str, Any]:
        """What is written for one host or group itself, without the groups above it."""
        merged = dict(of.vars)
        for folder in _with(folders, playbook_dir):
            merged.update(self._files.variables(folder, kind, of.name))
            if self.plugins is not None:
                merged.update(self.plugins(folder, [of]))
        return merged

    def _merge_groups(
        self, everyone: Group, chain: Sequence[Group], folders: Sequence[Path], playbook_dir: Path | None
    ) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        beside = [playbook_dir] if playbook_dir is not None else []
        for level in self._order:
            groups = [everyone] if level.startswith("all_") else chain
            if level.endswith("_plugins_inventory") or level.endswith("_plugins_play"):
                for folder in folders if level.endswith("_inventory") else beside:
                    for group in groups:
                        self._add(merged, self._files.variables(folder, "group_vars", group.name))
                    if self.plugins is not None and groups:
                        self._add(merged, self.plugins(folder, groups))
            else:
                for group in groups:
                    self._add(merged, group.vars)
        return merged


def add_deep(merged: dict[str, Any], stronger: Mapping[str, Any]) -> None:
    """Put variables over weaker ones: a mapping adds to one of its name (``hash_behaviour = merge``)."""
    for name, value in stronger.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            both = copy.copy(below)
            add_deep(both, value)
            merged[name] = both
        else:
            merged[name] = value


def _with(folders: Sequence[Path], playbook_dir: Path | None) -> Sequence[Path]:
    return folders if playbook_dir is None else [*folders, playbook_dir]
