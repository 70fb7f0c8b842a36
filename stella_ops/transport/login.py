"""One connection to open: where to, as whom, by what keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stella_ops.transport.ssh_config import Target
from stella_ops.transport.ssh_options import SshOptions


@dataclass(frozen=True, slots=True)
class Login:
    """One connection to open. ``hosts_behind`` are those that it leads to, nearest first."""

    target: Target
    options: SshOptions
    identities: tuple[Path, ...]
    password: str | None
    timeout: float
    where: str
    hosts_behind: tuple[Target, ...] = ()
    host_keys: tuple[str, ...] = ()
    host_authorities: tuple[str, ...] = ()

    @property
    def known_as(self) -> str:
        """What people call the host: its name in the inventory, or a jump host's own."""
        return self.target.name if self.hosts_behind else self.where
