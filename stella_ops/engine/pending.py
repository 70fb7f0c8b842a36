"""Variables that are not known yet: those that tasks which were sent ahead will set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stella_ops.errors import NotYet
from stella_ops.inventory.connection import CONNECTION_VARIABLES
from stella_ops.templating.scope import CONTROLLER

# Of the names that facts may have, those that no fact can change.
_NEVER_FACTS = CONNECTION_VARIABLES | {
    "ansible_check_mode",
    "ansible_config_file",
    "ansible_diff_mode",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_loop_var",
    "ansible_index_var",
    "ansible_managed",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_playbook_python",
    "ansible_run_tags",
    "ansible_search_path",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
}


class Pending(Mapping[str, Any]):
    """A layer over a host's variables; asking it for a name that is still to be set raises ``NotYet``.

    Args:
        names: of variables that will be registered.
        facts: whether facts are being gathered, so that no ``ansible_…`` is final.
        here: whether the tasks run on the controller itself, so that no file of it is.
    """

    def __init__(self, names: frozenset[str], *, facts: bool, here: bool = False) -> None:
        self._names = names
        self._facts = facts
        self._here = here

    def __bool__(self) -> bool:
        """Whether any variable is pending."""
        return bool(self._names) or self._facts

    def __getitem__(self, name: str) -> Any:
        if name in self:
            raise NotYet
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        if name in self._names or (self and name == "hostvars"):
            raise NotYet
        if self._here and name == CONTROLLER:
            raise NotYet
        if self._facts and isinstance(name, str) and name.startswith("ansible_") and name not in _NEVER_FACTS:
            raise NotYet
        return False

    def __iter__(self) -> Iterator[str]:
        """All names there are: nobody can tell yet."""
        raise NotYet

    def __len__(self) -> int:
        raise NotYet
