"""What the harness wants of a tool."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.works.steps import Work
from stella_ops.lab.model import LabHost


class ToolMissing(Exception):
    """A tool cannot be had on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line to measure: the whole of what a person would type, start-up included."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A work's place: the hosts with their inventory variables, and folders on the controller.

    ``folder`` is the tool's own for this work, for what it needs written; ``home`` is its own for all works;
    ``materials`` holds the work's templates and files.
    """

    hosts: Sequence[LabHost]
    variables: Mapping[str, Mapping[str, Any]]
    folder: Path
    home: Path
    materials: Path


class Tool(Protocol):
    """A way to do works."""

    name: str
    works: frozenset[str] | None
    """The works it can do; None for all."""

    def prepare(self) -> str:
        """Make sure the tool is here, and return its version. Raises ``ToolMissing``."""

    def command(self, work: Work, site: Site) -> Command:
        """Write what the tool needs for the work into ``site.folder``; the command that then does it."""


def clean_environment() -> dict[str, str]:
    """The environment that all tools start from: no agent, no settings of theirs from the caller's."""
    foreign = ("ANSIBLE_", "MITOGEN_", "PYINFRA_", "STELLA_", "SSH_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
