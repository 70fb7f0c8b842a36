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
        become_settings: what is set elsewhere for a method: ``user``, ``exe``, ``flags``, ``password``, ``prompts``.
        become_same_user: whoever is logged in as the user already becomes it all the same.
        forks: how many hosts work at once.
        timeout: seconds to connect.
        task_timeout: seconds for one task where none is written; 0 for no limit.
        module_folders: with modules of the user's own, before the built-in ones; see ``ModuleFolders``.
        remote_port, interpreter, ssh_args: where the inventory says nothing of a host's own.
        max_fail, max_unreachable: how many hosts of the run may fail, see ``limits``; None for any number.
        force_handlers, any_errors_fatal, no_log, strategy: for plays that do not say.
        broken_conditionals: conditions that are neither true nor false count by their truth.
        error_on_missing_handler: False makes it a warning.
        missing_vars_files: ``vars_files`` none of whose alternatives is there are passed over, in place of an error.
        errors_in_turn: what is wrong with a play is told when its turn comes; and what is included and cannot be parsed
            ends the run, in place of failing the hosts that wanted it.
        facts_modules: what ``gather_facts`` runs; see ansible-core's FACTS_MODULES.
        gathering: ``implicit``, ``explicit`` or ``smart``; see ansible-core's DEFAULT_GATHERING.
        inject_facts: facts are variables of their own names, too, and not in ``ansible_facts`` alone.
        merge_hashes: a mapping adds to a weaker one of its name in place of hiding it (``hash_behaviour = merge``).
        private_role_vars: roles that do not say keep their variables to themselves.
        rejected_modules: names of modules that nobody is to use.
        invocations: results tell what their modules were given.
        show_arguments: headlines of tasks show what is written as their arguments.
        start_at_task: the name (or glob) of the first task that runs; those before it are passed over.
        step: the operator is asked before each task.
        inventory_sources: paths and host lists that the inventory is made of.
        config_file: the ``ansible.cfg`` that counts.
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
    become_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    become_same_user: bool = False
    connection_password: str | None = field(default=None, repr=False)
    remote_user: str | None = None
    connection: str | None = None
    forks: int = 50
    timeout: float = 10.0
    task_timeout: float = 0
    module_folders: Sequence[Path] = ()
    remote_port: int | None = None
    interpreter: str | None = None
    ssh_args: Mapping[str, str] = field(default_factory=dict)
    max_fail: int | None = None
    max_unreachable: int | None = None
    force_handlers: bool = False
    any_errors_fatal: bool = False
    broken_conditionals: bool = False
    no_log: bool = False
    error_on_missing_handler: bool = True
    strategy: str = "linear"
    missing_vars_files: bool = False
    errors_in_turn: bool = False
    gathering: str = "implicit"
    facts_modules: Sequence[str] = ("smart",)
    inject_facts: bool = True
    merge_hashes: bool = False
    private_role_vars: bool = False
    show_arguments: bool = False
    start_at_task: str | None = None
    step: bool = False
    rejected_modules: frozenset[str] = frozenset()
    verbosity: int = 0
    invocations: bool = False
    inventory_sources: tuple[str, ...] = ()
    config_file: str | None = None
