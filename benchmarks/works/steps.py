"""What a work consists of, in words that belong to no tool; each tool puts them into its own.

Paths are relative to the folder ``bench_root`` that every host has for the work; sources are names of files
among the work's materials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

COMMAND_LOG = "commands.log"


@dataclass(frozen=True, slots=True)
class Ping:
    """Show that modules, or commands where a tool has no modules, run on the host: the output says 'pong'."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Learn what the host is. Its kernel's release is used by templates, so it cannot be skipped."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory."""

    path: str
    mode: str = "0750"


@dataclass(frozen=True, slots=True)
class Template:
    """A file rendered from a Jinja2 template with ``host_name`` and ``host_kernel``."""

    source: str
    path: str
    mode: str = "0640"


@dataclass(frozen=True, slots=True)
class Copy:
    """A file of the controller's."""

    source: str
    path: str
    mode: str = "0644"


@dataclass(frozen=True, slots=True)
class Line:
    """A file that holds one line."""

    path: str
    text: str
    mode: str = "0644"


@dataclass(frozen=True, slots=True)
class Command:
    """A command that adds its mark to a log on the host, so that it shows how often it ran."""

    mark: str

    def shell(self, root: str) -> str:
        """The command, for a shell, with the host's folder in it."""
        return f"echo {self.mark} >> {root}/{COMMAND_LOG}"


@dataclass(frozen=True, slots=True)
class Stat:
    """Look at a file."""

    path: str


Step = Ping | Facts | Directory | Template | Copy | Line | Command | Stat


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One run within a work, a row of the report.

    Args:
        asked: the least that stella-ops should be ahead, by tool: the tool's time as a multiple of its own.
        fresh: the hosts are emptied first; else the part goes on where the one before it ended.
        delay: seconds that a round trip to the hosts takes more, through a proxy; 0 for a proxy that only counts,
            None for none.
        base: the part that is the same but for the delay.
        trips_asked: the most round trips that the delay may show, by tool.
    """

    name: str
    title: str
    asked: Mapping[str, float] = field(default_factory=dict)
    fresh: bool = False
    delay: float | None = None
    base: str | None = None
    trips_asked: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Steps on a number of hosts; its parts are runs of the same steps, one after the other, on hosts empty at first.

    ``materials`` is content by file name: templates and files to copy.
    """

    name: str
    hosts: int
    steps: tuple[Step, ...]
    parts: tuple[Part, ...]
    materials: Mapping[str, bytes] = field(default_factory=dict)
