"""Looks at the keys of an inventory's hosts, and judges them by what is on record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stella_ops.engine.host_specs import HostSpecs
from stella_ops.engine.options import RunOptions
from stella_ops.errors import StellaError
from stella_ops.inventory.model import Inventory
from stella_ops.settings import Project
from stella_ops.store.host_keys import SeenKey
from stella_ops.transport.base import ConnectionSpec
from stella_ops.transport.connect import Connector, SshSettings
from stella_ops.transport.host_keys import HostKeys
from stella_ops.transport.key_scan import kinds_of, scan_hosts
from stella_ops.transport.key_states import JudgedKey, judge
from stella_ops.transport.shown_keys import HostScan

_SSH = ("ssh", "smart", "paramiko", "paramiko_ssh")


@dataclass(frozen=True, slots=True)
class Looked:
    """One host: its keys, or why there are none.

    Attributes:
        skipped: the kind of connection of a host that is not reached by SSH.
    """

    host: str
    place: str = ""
    name: str = ""
    port: int = 0
    keys: tuple[JudgedKey, ...] = ()
    error: StellaError | None = None
    skipped: str | None = None

    def seen(self) -> list[SeenKey]:
        """What the store should know. A revoked key waits for nobody's approval."""
        return [
            SeenKey(
                host=self.host,
                name=self.name,
                port=self.port,
                algorithm=key.shown.algorithm,
                bits=key.shown.bits,
                fingerprint=key.shown.fingerprint,
                public_key=key.shown.public_key,
                state=key.state,
                note=None if key.note is None else key.note.replace("\0", "?"),
                certificate=key.shown.certificate.to_json() if key.shown.certificate is not None else None,
            )
            for key in self.keys
            if key.state != "revoked"
        ]


async def look_at_hosts(
    project: Project,
    inventory: Inventory,
    hosts: Sequence[str],
    options: RunOptions,
    *,
    private_keys: Sequence[Path] = (),
    algorithms: Sequence[str] = (),
    config_files: Sequence[Path] | None = None,
    now: Callable[[], datetime],
    warn: Callable[[str], None],
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Looked]:
    """Look at hosts side by side, ``options.forks`` at a time; results in their order.

    Args:
        private_keys: to log in with at jump hosts, where the inventory names none.
        algorithms: kinds of keys, see ``key_scan.kinds_of``; none for all.
        config_files: OpenSSH client configuration; None for ~/.ssh/config.
        progress: told how many hosts are done, of how many.

    Raises:
        UsageError: an unknown kind of key.
    """
    kinds = kinds_of(algorithms)
    specs: list[ConnectionSpec] = []
    found: dict[str, Looked] = {}
    reach = HostSpecs(inventory, list(hosts), options)
    for host in hosts:
        try:
            spec = reach.of(host)
        except StellaError as problem:
            found[host] = Looked(host, error=problem)
            continue
        if spec.kind in _SSH:
            specs.append(spec)
        else:
            found[host] = Looked(host, skipped=spec.kind)
    settings = SshSettings(
        host_keys=HostKeys(
            project.known_hosts_file, pinned_file=project.pinned_hosts_file, authorities=project.ssh.host_ca
        ),
        private_keys=list(private_keys),
        warn=warn,
    )
    if config_files is not None:
        settings.config_files = [str(file) for file in config_files]
    connector = Connector(settings)
    done = 0

    def seen(scan: HostScan) -> None:
        nonlocal done
        done += 1
        progress(done, len(specs))

    try:
        scans = await scan_hosts(connector, specs, kinds=kinds, at_once=options.forks, now=now, seen=seen)
    finally:
        await connector.close()
    for scan in scans:
        found[scan.host] = Looked(
            scan.host, scan.place, scan.name, scan.port, keys=tuple(judge(scan)), error=scan.error
        )
    return [found[host] for host in hosts]
