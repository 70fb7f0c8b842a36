"""What a run knows of one host while it works on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stella_ops.engine.events import HostTally
from stella_ops.engine.fact_caches.base import GATHERED
from stella_ops.inventory.connection import CONNECTION_VARIABLES

_PREFIXES = ("ansible_", "stella_")
# A host must not say how it is reached and as whom: a ProxyCommand among its "facts" would run on the controller.
_WAYS_TO_A_HOST = tuple(f"{prefix}{way}_" for prefix in _PREFIXES for way in ("ssh", "sudo", "become", "paramiko"))
_PUBLIC_KEYS = "ansible_ssh_host_key_"


@dataclass(slots=True)
class HostState:
    """One host's facts, variables and counts, for the whole run.

    Attributes:
        facts: as ``setup`` returned them, keys with their ``ansible_`` prefix.
        bare_facts: the same without the prefix: ``ansible_facts``.
        set_facts: from ``set_fact`` and ``register``: they outrank all but parameters and extra variables.
        included: from ``include_vars``.
        failed: a task failed and no rescue took it back.
        gathered: somebody gathered facts on the host; those that only ``set_fact`` set do not count.
        fallen: runs an always section although a task failed: it is no host of the play any more.
        ended: left the play by ``meta: end_host`` or ``end_play``.
        role_ended: left the role that is running by ``meta: end_role``.
        connection_age: grows when a variable changes that could say how the host is reached.
        age: grows with every change of facts and variables.
    """

    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    bare_facts: dict[str, Any] = field(default_factory=dict)
    set_facts: dict[str, Any] = field(default_factory=dict)
    included: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    fallen: bool = False
    unreachable: bool = False
    ended: bool = False
    gathered: bool = False
    role_ended: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    connection_age: int = 0
    age: int = 0

    def count(self, name: str, by: int = 1) -> None:
        """Add to one of the recap's counts."""
        self.counts[name] = self.counts.get(name, 0) + by

    def tally(self) -> HostTally:
        """The recap line."""
        return HostTally(**self.counts)

    @property
    def active(self) -> bool:
        """Whether further tasks run on this host."""
        return not (self.failed or self.unreachable or self.ended or self.role_ended)

    def add_variables(self, values: Mapping[str, Any]) -> None:
        """Take in what ``set_fact`` or ``register`` names."""
        self.set_facts.update(values)
        self.age += 1
        if any(name.startswith(_PREFIXES) for name in values):
            self.connection_age += 1

    def include_variables(self, values: Mapping[str, Any]) -> None:
        """Take in what ``include_vars`` read."""
        self.included.update(values)
        self.age += 1
        if any(name.startswith(_PREFIXES) for name in values):
            self.connection_age += 1

    def add_facts(self, facts: Mapping[str, Any]) -> None:
        """Take in what a module returned under ``ansible_facts``, but not how to reach the host or who it is."""
        self.age += 1
        for name, value in facts.items():
            if name == GATHERED:
                # Seen among the facts, but no variable, as in ansible-core.
                self.gathered = bool(value)
                self.bare_facts[name] = value
            elif isinstance(name, str) and not _is_not_the_hosts_to_say(name):
                self.facts[name] = value
                # One name is kept as it is: ansible-core's playbooks say ansible_facts.ansible_local.
                self.bare_facts[name if name == "ansible_local" else name.removeprefix("ansible_")] = value
        self.connection_age += 1

    def clear_facts(self) -> None:
        """Forget what the host told."""
        self.gathered = False
        self.age += 1
        self.facts.clear()
        self.bare_facts.clear()
        self.connection_age += 1


def _is_not_the_hosts_to_say(name: str) -> bool:
    """Whether a fact would decide how the host is reached, or (``stella_agent_name`` …) who it is to the fleet."""
    if name in CONNECTION_VARIABLES:
        return True
    return (name.startswith((*_WAYS_TO_A_HOST, "stella_")) and not name.startswith(_PUBLIC_KEYS)) or (
        name.startswith("ansible_") and name.endswith("_interpreter")
    )
