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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.inventory.vars_files import Kind, VarsFiles

if TYPE_CHECKING:
    from stella_ops.inventory.model import Group, Host


class VariableLevels:
    """Merges the levels; what hosts of the same groups share is merged once."""

    def __init__(self, warnings: list[str]) -> None:
        self._files = VarsFiles(warnings)
        self.merge_hashes = False
        self._of_groups: dict[tuple[tuple[str, ...], Path | None], dict[str, Any]] = {}

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
        return merged

    def _merge_groups(
        self, everyone: Group, chain: Sequence[Group], folders: Sequence[Path], playbook_dir: Path | None
    ) -> dict[str, Any]:
        merged = dict(everyone.vars)
        for group in chain:
            self._add(merged, group.vars)
        for groups in ([everyone], chain):
            for folder in _with(folders, playbook_dir):
                for group in groups:
                    self._add(merged, self._files.variables(folder, "group_vars", group.name))
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
