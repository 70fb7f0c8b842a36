"""What the ``hostkeys`` commands work with: project, inventory, hosts of a pattern, and the service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stella_ops.cli.workplace import Choices, Workplace, prepare
from stella_ops.errors import PatternError, UsageError

if TYPE_CHECKING:
    from stella_ops.agents.fleet import Fleet
    from stella_ops.hostkeys.evidence import Evidence
    from stella_ops.hostkeys.service import HostKeyService
    from stella_ops.inventory.model import Inventory
    from stella_ops.store.host_keys import HostKey


@dataclass(frozen=True, slots=True)
class Site:
    """Where a command works, and on which hosts."""

    workplace: Workplace
    inventory: Inventory
    hosts: list[str]
    fleet: Fleet
    service: HostKeyService

    @property
    def inventory_folder(self) -> Path:
        """The folder whose ``host_vars`` the hosts' variables belong in.

        Raises:
            UsageError: the inventory is in no folder.
        """
        folders = self.inventory.folders
        if not folders:
            raise UsageError("the inventory is in no folder", hint="name it with -i FOLDER, or pin to the store")
        return Path(folders[0])


@contextmanager
def site(pattern: str, choices: Choices) -> Iterator[Site]:
    """Open project, inventory and store.

    Raises:
        PatternError: the pattern means no host.
    """
    from stella_ops.agents.fleet import Fleet
    from stella_ops.hostkeys.service import HostKeyService

    workplace = prepare(choices)
    project = workplace.project
    fleet = Fleet(workplace.project, redactor=workplace.redactor, environ=workplace.environ, warn=warn)
    store = fleet.store
    try:
        service = HostKeyService(
            store,
            project.pinned_hosts_file,
            project.known_hosts_file,
            clock=fleet.clock,
            actor=fleet.actor,
        )
        for warning in workplace.inventory.warnings:
            warn(warning)
        yield Site(workplace, *_hosts(pattern, choices.limit, workplace.inventory, service), fleet, service)
    finally:
        store.close()


def _hosts(
    pattern: str, limit: str | None, inventory: Inventory, service: HostKeyService
) -> tuple[Inventory, list[str]]:
    """The inventory to go by, and the hosts of the pattern in it.

    Hosts that are gone from the inventory still have keys in the store, and must be found to be given up: "all" means
    them too, and so does a pattern that the inventory does not know. Without an inventory there are only those.
    """
    recorded = list(dict.fromkeys(key.host for key in service.find()))
    try:
        found = inventory.select(pattern, limit) if inventory.hosts else []
    except PatternError:
        others = _inventory_of(recorded)
        try:
            return others, others.select(pattern, limit)
        except PatternError:
            pass
        raise
    if not inventory.hosts and recorded:
        inventory = _inventory_of(recorded)
        found = inventory.select(pattern, limit)
    elif pattern in ("all", "*") and limit is None:
        found += [host for host in recorded if host not in inventory.hosts]
    return inventory, found


def _inventory_of(names: Sequence[str]) -> Inventory:
    from stella_ops.inventory.model import Inventory

    made = Inventory()
    for name in names:
        made.ensure_host(name)
    made.settle()
    return made


def warn(message: str) -> None:
    """Tell the operator something on standard error."""
    click.echo(f"[WARNING]: {message}", err=True)


def gather_evidence(
    place: Site, keys: Sequence[HostKey], *, sshfp: bool, dns_server: str | None, console_lists: Sequence[str]
) -> tuple[dict[int, list[Evidence]], list[HostKey]]:
    """What other sources say of keys, and everything the store has.

    Args:
        console_lists: ``FILE`` or ``HOST=FILE``.
    """
    from stella_ops.hostkeys.console_list import read_console_list
    from stella_ops.hostkeys.evidence import gather, shared_keys
    from stella_ops.hostkeys.sshfp import dns_name, look_up, sources

    listed = [line for text in console_lists for line in read_console_list(*_console_list(text, place))]
    answers = None
    if sshfp:
        answers = asyncio.run(look_up([dns_name(key.name, key.host) for key in keys], dns_server))
        click.echo(sources(list(answers.values())), err=True)
    record = place.service.find()
    waiting = {key.fingerprint for key in keys}
    for fingerprint, places in shared_keys(record).items():
        if fingerprint in waiting:
            warn(f"{', '.join(places)} show the same key {fingerprint}: cloned machines, or one with several names")
    return gather(keys, record, sshfp=answers, listed=listed), record


def _console_list(text: str, place: Site) -> tuple[Path, str | None]:
    host, equals, file = text.partition("=")
    if equals and not Path(text).exists():
        if host not in place.inventory.hosts:
            raise UsageError(f"--console-list: there is no host '{host}'", hint="write FILE or HOST=FILE")
        return Path(file).expanduser(), host
    return Path(text).expanduser(), None
