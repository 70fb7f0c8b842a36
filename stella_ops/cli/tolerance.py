"""What programs of ansible-core's names put up with, where our own commands stop: ``docs/ansible-programs.md``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.ansible_settings.defaults import default_of
from stella_ops.ansible_settings.reading import AnsibleSettings
from stella_ops.cli.ansible_programs import called_as_ansible
from stella_ops.collections.notices import goes_away
from stella_ops.errors import InventoryError, StellaError
from stella_ops.inventory.group_names import GroupNames
from stella_ops.inventory.patterns import LOCALHOST
from stella_ops.origins import Origin, origin_of
from stella_ops.playbook.keywords import is_identifier
from stella_ops.source_files import DUPLICATE_KEYS, DuplicateKeys

if TYPE_CHECKING:
    from stella_ops.inventory.model import Inventory

Problem = Callable[[str, StellaError], None]


# What stops our own commands where nothing is set.
STRICT = {
    "DUPLICATE_YAML_DICT_KEY": "error",
    "HOST_PATTERN_MISMATCH": "error",
    "INVENTORY_ANY_UNPARSED_IS_FAILED": True,
    "INVENTORY_UNPARSED_IS_FAILED": True,
}


def strictness(settings: AnsibleSettings, name: str) -> Any:
    """What a setting of ``STRICT`` is: as it is set, else as the name of the program has it."""
    return settings.choose(name, default=default_of(name) if called_as_ansible() else STRICT[name])


def warn(message: str) -> None:
    """One warning to standard error."""
    print(f"[WARNING]: {message}", file=sys.stderr)


def take_duplicate_keys(settings: AnsibleSettings) -> None:
    """Have keys that stand twice dealt with as it is set; without a setting they are errors, or warnings there."""
    mode = strictness(settings, "DUPLICATE_YAML_DICT_KEY")
    DUPLICATE_KEYS.set(DuplicateKeys(mode, _tell_of_key))


def _tell_of_key(key: str, where: Origin) -> None:
    warn(f"Found duplicate mapping key '{key}'. Using last defined value only.\nOrigin: {where}")


def group_names(settings: AnsibleSettings) -> GroupNames:
    """How names of groups are taken."""
    replaced = settings.choose("TRANSFORM_INVALID_GROUP_CHARS") in ("always", "silently")
    return GroupNames(strict=not called_as_ansible(), replaced=replaced)


def tell_of_group_names(inventory: Inventory, settings: AnsibleSettings) -> None:
    """Say once that there are groups whose names are no names of variables, as ansible-core does."""
    mode = settings.choose("TRANSFORM_INVALID_GROUP_CHARS")
    if called_as_ansible() and inventory.odd_names and mode not in ("ignore", "silently"):
        done = "and automatically replaced" if mode == "always" else "but not replaced"
        warn(f"Invalid characters were found in group names {done}, use -vvvv to see details")


def tell_of_variable_names(inventory: Inventory) -> None:
    """Say which variables of the inventory have names that no template can use, as ansible-core does."""
    told: set[str] = set()
    layers = [each.vars for each in inventory.hosts.values()] + [each.vars for each in inventory.groups.values()]
    for variables in layers:
        for name in sorted(variables.keys() - told, key=str):
            told.add(name)
            if not is_identifier(name):
                goes_away(f"Accepting inventory variable with invalid name {str(name)!r}.", where=origin_of(name))


def tell_of_patterns(inventory: Inventory, *, none: bool) -> None:
    """Tell a command that runs nothing which patterns mean no host; and, with ``none``, that nothing is left."""
    for text in inventory.warnings:
        warn(text)
    if none:
        warn("No hosts matched, nothing to do")


class Sources:
    """Inventory sources that cannot be read, where that is no error; they are told as ansible-core tells them."""

    def __init__(self, settings: AnsibleSettings) -> None:
        self._settings = settings
        self._choose = settings.choose
        self._failed = 0

    @property
    def on_problem(self) -> Problem | None:
        """Takes the problem of a source in place of its being raised; None where it is to be raised."""
        return None if strictness(self._settings, "INVENTORY_ANY_UNPARSED_IS_FAILED") else self._on_problem

    def _on_problem(self, source: str, problem: StellaError) -> None:
        self._failed += 1
        if Path(source).exists():
            warn(f"Failed to parse inventory: {problem}")
        warn(f"Unable to parse {Path(source).absolute()} as an inventory source")

    def finish(self, inventory: Inventory, sources: Sequence[object]) -> Inventory:
        """Tell that nothing is left; what is left.

        As in ansible-core the part of a source that could be read counts beside others that are right, and not alone.

        Raises:
            InventoryError: no source could be read, and that is set to be an error.
        """
        if inventory.hosts and len(sources) == self._failed and all(Path(str(source)).is_file() for source in sources):
            left = type(inventory)(inventory.names)
            left.folders, left.warnings = inventory.folders, inventory.warnings
            inventory = left
        if inventory.hosts:
            return inventory
        if len(sources) == self._failed:
            if self._choose("INVENTORY_UNPARSED_IS_FAILED", default=False):
                problem = InventoryError("No inventory was parsed, please check your configuration and options.")
                problem.exit_code = 1
                raise problem
            if called_as_ansible() and self._choose("INVENTORY_UNPARSED_WARNING", default=True):
                warn("No inventory was parsed, only implicit localhost is available")
        return inventory

    def tell_of_no_hosts(self, inventory: Inventory, pattern: str = "all") -> None:
        """Tell a command that runs tasks that the inventory has no host for a pattern that asks for some."""
        if pattern in LOCALHOST:
            return
        if called_as_ansible() and not inventory.hosts and self._choose("LOCALHOST_WARNING", default=True):
            warn(
                "provided hosts list is empty, only localhost is available. Note that the implicit localhost does not"
                " match 'all'"
            )
