"""What a run knows of one host while it works on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stella_ops.engine.events import HostTally


@dataclass(slots=True)
class HostState:
    """One host's facts, variables and counts, for the whole run.

    Attributes:
        facts: as ``setup`` returned them, keys with their ``ansible_`` prefix.
        bare_facts: the same without the prefix: ``ansible_facts``.
        set_facts: from ``set_fact`` and ``register``: they outrank all but extra variables.
        failed: a task failed and no rescue took it back.
        ended: left the play by ``meta: end_host`` or ``end_play``.
    """

    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    bare_facts: dict[str, Any] = field(default_factory=dict)
    set_facts: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    unreachable: bool = False
    ended: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, by: int = 1) -> None:
        """Add to one of the recap's counts."""
        self.counts[name] = self.counts.get(name, 0) + by

    def tally(self) -> HostTally:
        """The recap line."""
        return HostTally(**self.counts)

    @property
    def active(self) -> bool:
        """Whether further tasks run on this host."""
        return not (self.failed or self.unreachable or self.ended)

    def add_facts(self, facts: dict[str, Any]) -> None:
        """Take in what a module returned under ``ansible_facts``."""
        self.facts.update(facts)
        self.bare_facts.update((name.removeprefix("ansible_"), value) for name, value in facts.items())
