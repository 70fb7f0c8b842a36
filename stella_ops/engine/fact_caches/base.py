"""What a cache of facts does; each kind is one file beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

# A fact of ansible-core's own: somebody gathered facts on the host, so that ``gathering = smart`` need not.
GATHERED = "_ansible_facts_gathered"


class FactCache(Protocol):
    """Keeps facts by host. Its methods block, and are called by one thread at a time.

    Attributes:
        problems: what an operator should know, since somebody last took it from here.
    """

    problems: list[str]

    def load(self, hosts: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The facts of those of some hosts whose facts are there and not too old."""
        ...

    def save(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep these facts of hosts in place of those that were kept of them."""
        ...

    def forget(self, hosts: Iterable[str]) -> None:
        """Keep nothing of some hosts."""
        ...

    def close(self) -> None:
        """No call follows."""
        ...
