"""What a lab is: hosts on this machine, and the files in its folder that say how to reach them.

A lab folder holds

    lab.json        how the lab was made; a second ``up`` starts from it
    inventory.yml   the hosts as an inventory, group ``lab``
    known_hosts     the hosts' real public keys, so that host keys are verified here as anywhere
    ssh_config      for people: ``ssh -F ssh_config lab1``
    keys/           the client's key and the hosts' keys, mode 0600
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stella_ops import file_locks
from stella_ops.errors import LabError

KINDS = ("embedded", "openssh", "systemd")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabHost:
    """One host.

    ``folder`` is its own folder on this machine, None where it has a root file system of its own;
    ``variables`` are further inventory variables; ``public_key`` is the host key as an OpenSSH line without
    comment.
    """

    name: str
    address: str
    port: int
    user: str
    key_file: Path
    known_hosts: Path
    public_key: str
    folder: Path | None = None
    agent_prefix: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def common_args(self) -> str:
        """OpenSSH options that make every client check this host's key against the lab's own file."""
        return " ".join(f"-o {shlex.quote(option)}" for option in _key_options(self.known_hosts))

    def inventory_vars(self) -> dict[str, Any]:
        """The connection variables of this host, as inventories name them."""
        prefix = {} if self.agent_prefix is None else {"stella_agent_prefix": self.agent_prefix}
        return {
            "ansible_host": self.address,
            "ansible_port": self.port,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": str(self.key_file),
            "ansible_ssh_common_args": self.common_args,
            **prefix,
            **self.variables,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A lab and its hosts. ``settings`` is what the kind of lab wants to remember, as JSON data."""

    kind: str
    folder: Path
    hosts: tuple[LabHost, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def inventory(self) -> Path:
        """The lab as an inventory file."""
        return self.folder / "inventory.yml"

    @property
    def known_hosts(self) -> Path:
        """The hosts' public keys."""
        return self.folder / "known_hosts"

    def host(self, name: str) -> LabHost:
        """The host of that name; ``LabError`` if there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise LabError(f"the lab has no host '{name}'", where=self.folder)

    def save(self) -> None:
        """Write all files that describe the lab; each is replaced whole."""
        hosts = {host.name: host.inventory_vars() for host in self.hosts}
        write_whole(self.inventory, yaml.safe_dump({"lab": {"hosts": hosts}}, sort_keys=False))
        lines = [f"{_known_name(host)} {host.public_key}\n" for host in self.hosts]
        write_whole(self.known_hosts, "".join(lines))
        write_whole(self.folder / "ssh_config", "".join(_config_block(host) for host in self.hosts))
        write_whole(self.folder / "lab.json", json.dumps(self._as_json(), indent=2) + "\n")

    def _as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "settings": self.settings,
            "hosts": [
                {
                    "name": host.name,
                    "address": host.address,
                    "port": host.port,
                    "user": host.user,
                    "key_file": str(host.key_file),
                    "public_key": host.public_key,
                    "folder": None if host.folder is None else str(host.folder),
                    "agent_prefix": host.agent_prefix,
                    "variables": host.variables,
                }
                for host in self.hosts
            ],
        }


def load(folder: Path) -> Lab | None:
    """The lab that a folder remembers, running or not; None if there never was one."""
    folder = folder.resolve()
    path = folder / "lab.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        hosts = tuple(
            LabHost(
                name=host["name"],
                address=host["address"],
                port=host["port"],
                user=host["user"],
                key_file=Path(host["key_file"]),
                known_hosts=folder / "known_hosts",
                public_key=host["public_key"],
                folder=None if host["folder"] is None else Path(host["folder"]),
                agent_prefix=host["agent_prefix"],
                variables=host["variables"],
            )
            for host in data["hosts"]
        )
        return Lab(kind=data["kind"], folder=folder, hosts=hosts, settings=data["settings"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise LabError(
            f"the lab's description cannot be read: {problem!r}",
            where=path,
            hint="stop what still runs there, then remove the folder and start the lab anew",
        ) from None


def load_as(kind: str, folder: Path) -> Lab | None:
    """Like ``load``; a lab of another kind in the folder is a ``LabError``."""
    lab = load(folder)
    if lab is not None and lab.kind != kind:
        raise LabError(
            f"the folder holds a lab of kind '{lab.kind}', not '{kind}'",
            where=folder,
            hint="choose another folder, or take that lab down with --purge first",
        )
    return lab


def host_names(count: int, names: Sequence[str] | None, known: Sequence[str] = ()) -> list[str]:
    """The names of the hosts wanted: those given, or lab1 … labN; hosts a lab has already come first.

    Raises:
        LabError: a count below one, a doubled name, or a name that cannot be a folder and an inventory host.
    """
    wanted = list(names) if names is not None else [f"lab{number}" for number in range(1, count + 1)]
    if not wanted:
        raise LabError("a lab needs at least one host")
    for name in wanted:
        if not name or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in name) or name[0] in "-.":
            raise LabError(f"'{name}' cannot be a lab host's name", hint="use letters, digits, '-', '_' and '.'")
    if len(set(wanted)) != len(wanted):
        raise LabError("two lab hosts have the same name")
    return [*known, *(name for name in wanted if name not in known)]


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Make the lab folder (mode 0700) if missing and keep others out while it is being changed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve()
        with file_locks.locked(folder / "lab.lock"):
            yield folder
    except OSError as problem:
        raise LabError(f"the lab folder cannot be used: {problem}", where=folder) from problem


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a text file so that a reader sees the old one or the new one, never a part."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    part.replace(path)


def _key_options(known_hosts: Path) -> list[str]:
    # OpenSSH splits this option's value at blanks, so such a path needs quotes that survive the shell's.
    path = f'"{known_hosts}"' if any(c.isspace() for c in str(known_hosts)) else str(known_hosts)
    return [f"UserKnownHostsFile={path}", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes"]


def _known_name(host: LabHost) -> str:
    return host.address if host.port == 22 else f"[{host.address}]:{host.port}"


def _config_block(host: LabHost) -> str:
    lines = [
        f"Host {host.name}",
        f"    HostName {host.address}",
        f"    Port {host.port}",
        f"    User {host.user}",
        f'    IdentityFile "{host.key_file}"',
        "    IdentitiesOnly yes",
        *(f"    {option.replace('=', ' ', 1)}" for option in _key_options(host.known_hosts)),
    ]
    return "\n".join(lines) + "\n"
