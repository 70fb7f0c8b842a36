"""What the command line chooses for a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Choices that hold for every play.

    Attributes:
        extra_vars: ``-e``; they win over every other variable.
        become: None leaves it to plays and inventory; True is ``-b``.
        forks: how many hosts work at once.
        timeout: seconds to connect.
        task_timeout: seconds for one task where none is written; 0 for no limit.
        module_folders: with modules of the user's own, before the built-in ones; see ``ModuleFolders``.
    """

    check: bool = False
    diff: bool = False
    limit: str | None = None
    tags: tuple[str, ...] = ("all",)
    skip_tags: tuple[str, ...] = ()
    extra_vars: Mapping[str, Any] = field(default_factory=dict)
    become: bool | None = None
    become_user: str | None = None
    become_method: str | None = None
    become_password: str | None = field(default=None, repr=False)
    connection_password: str | None = field(default=None, repr=False)
    remote_user: str | None = None
    connection: str | None = None
    forks: int = 50
    timeout: float = 10.0
    task_timeout: float = 0
    module_folders: Sequence[Path] = ()
    verbosity: int = 0
