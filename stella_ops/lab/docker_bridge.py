"""A network bridge of its own for a lab's Docker engine.

Two engines that share the usual bridge give the same address to two containers. With a bridge each they get
on.
"""

# Starting programs is what this file is for.
# ruff: noqa: S603

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path


def ensure_bridge(folder: Path) -> str | None:
    """The name of the bridge of the engine in ``folder``, made if missing; None where that cannot be done."""
    name = bridge_name(folder)
    if Path(f"/sys/class/net/{name}").exists():
        return name
    shown = _ip("-json", "-4", "address", "show")
    if shown is None:
        return None
    address = free_network(_networks(shown))
    if address is None or _ip("link", "add", "name", name, "type", "bridge") is None:
        return None
    if _ip("address", "add", address, "dev", name) is None or _ip("link", "set", name, "up") is None:
        remove_bridge(folder)
        return None
    return name


def remove_bridge(folder: Path) -> None:
    """Remove the bridge, if there is one."""
    name = bridge_name(folder)
    if Path(f"/sys/class/net/{name}").exists():
        _ip("link", "delete", name)


def bridge_name(folder: Path) -> str:
    """The bridge's name: the same for a folder every time, and at most 15 characters as the kernel wants."""
    return f"stella{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}"


def free_network(taken: Iterable[ipaddress.IPv4Network]) -> str | None:
    """The first address of a private /24 that overlaps none taken, as ``172.30.0.1/24``, or None."""
    others = list(taken)
    for network in ipaddress.IPv4Network("172.30.0.0/15").subnets(new_prefix=24):
        if not any(network.overlaps(other) for other in others):
            return f"{network[1]}/24"
    return None


def _networks(shown: str) -> list[ipaddress.IPv4Network]:
    return [
        ipaddress.IPv4Network(f"{address['local']}/{address['prefixlen']}", strict=False)
        for link in json.loads(shown or "[]")
        for address in link.get("addr_info", ())
    ]


def _ip(*args: str) -> str | None:
    """What ``ip`` said, or None if there is no such program or it failed."""
    program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return None
    done = subprocess.run([program, *args], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None
