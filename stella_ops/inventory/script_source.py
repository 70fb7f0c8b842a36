"""Reads inventories from programs: an executable file that prints JSON when called with ``--list``.

    {"web": {"hosts": ["web1", "web2"], "vars": {"http_port": 8080}, "children": []},
     "_meta": {"hostvars": {"web1": {"ansible_host": "10.0.0.7"}}}}

Without ``_meta`` the program is called once more for each host, with ``--host NAME``: that is slow, and old.

Strings count as written by the operator, who chose the program: they may be templates, as with Ansible.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops.errors import InventoryError
from stella_ops.inventory.model import Inventory
from stella_ops.inventory.ranges import split_address
from stella_ops.origins import Origin, SourceText, SourceVault
from stella_ops.vault.envelope import is_encrypted


def read_script(path: Path, inventory: Inventory, *, timeout: float = 60) -> None:
    """Run an inventory program and add what it prints.

    Args:
        timeout: seconds that the program may take.

    Raises:
        InventoryError: it cannot be run, fails, takes too long, or prints something else.
    """
    where = Origin(f"{path} --list")
    document = _document(_run(path, timeout, where), where)
    meta = document.pop("_meta", None)
    groups = [_checked(name, data, where) for name, data in document.items()]
    named = {host: None for group in groups for host, _ in group.hosts}
    variables = meta.get("hostvars") if isinstance(meta, dict) else None
    if variables is None and meta is None:
        for group in groups:
            _add(group, inventory, where)
        _ask_for_each(path, named, inventory, timeout)
        return
    if not isinstance(variables, dict):
        raise InventoryError(
            "the '_meta' that the program prints has no 'hostvars'",
            where=where,
            hint='print {"_meta": {"hostvars": {HOST: {…}}}, …}: variables of all hosts in one answer',
        )
    for name, found in variables.items():
        if not isinstance(found, dict):
            raise InventoryError(f"'_meta.hostvars.{name}' must be an object", where=where)
    for group in groups:
        _add(group, inventory, where)
    for name, found in variables.items():
        if name in named:  # as with Ansible, a host is the program's when a group of it names it
            inventory.hosts[name].vars.update({key: trusted(value, where) for key, value in found.items()})


class _Group(NamedTuple):
    """A group as a program prints it; of each host the name and the port."""

    name: str
    hosts: list[tuple[str, int | None]]
    children: list[str]
    vars: dict[str, Any]


def _ask_for_each(path: Path, hosts: Iterable[str], inventory: Inventory, timeout: float) -> None:
    """A program that prints no ``_meta`` is called with ``--host`` for each host."""
    for name in hosts:
        where = Origin(f"{path} --host {name}")
        printed = _run(path, timeout, where, "--host", name)
        if printed.strip():
            inventory.hosts[name].vars.update(
                {key: trusted(value, where) for key, value in _document(printed, where).items()}
            )


def _run(path: Path, timeout: float, where: Origin, *arguments: str) -> bytes:
    try:
        # The operator names this program as the inventory; it is run without a shell.
        done = subprocess.run(  # noqa: S603
            [str(path.absolute()), *(arguments or ("--list",))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InventoryError(f"the program did not end within {timeout:g} s", where=where) from None
    except OSError as problem:
        raise InventoryError(
            f"cannot run the program: {problem.strerror}",
            where=where,
            hint="its first line must name an interpreter that exists: #!/usr/bin/env python3",
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        ended = f"exit status {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
        told = f"Inventory script returned non-zero exit code {done.returncode}: " if done.returncode > 0 else ""
        raise InventoryError(f"{told}the program failed ({ended}): {said[-1] if said else 'no message'}", where=where)
    return done.stdout


def _document(printed: bytes, where: Origin) -> dict[str, Any]:
    try:
        document = json.loads(printed)
    except ValueError as problem:
        raise InventoryError(f"what the program prints is not JSON: {problem}", where=where) from None
    if not isinstance(document, dict):
        raise InventoryError("the program must print a JSON object of groups", where=where)
    return document


def _checked(name: str, data: Any, where: Origin) -> _Group:
    if isinstance(data, list):
        data = {"hosts": data}
    if isinstance(data, dict) and not any(key in data for key in ("hosts", "children", "vars")):
        data = {"hosts": [name], "vars": data}  # the oldest form: a host, named like a group
    if not isinstance(data, dict):
        raise InventoryError(f"group '{name}' must be an object", where=where)
    for key, expected in (("hosts", list), ("children", list), ("vars", dict)):
        if not isinstance(data.get(key, expected()), expected):
            kind = "a list" if expected is list else "an object"
            raise InventoryError(f"'{key}' of group '{name}' must be {kind}", where=where)
    for key in ("hosts", "children"):
        for member in data.get(key, []):
            if not isinstance(member, str):
                raise InventoryError(f"'{key}' of group '{name}' holds {member!r}, not a name", where=where)
    hosts = [split_address(written, where) for written in data.get("hosts", [])]
    return _Group(name, hosts, data.get("children", []), data.get("vars", {}))


def _add(found: _Group, inventory: Inventory, where: Origin) -> None:
    group = inventory.ensure_group(found.name, where)
    for name, port in found.hosts:
        inventory.put(inventory.ensure_host(name, where, port), group)
    for child in found.children:
        inventory.add_child(group, inventory.ensure_group(child, where), where)
    for key, value in found.vars.items():
        group.set_variable(key, trusted(value, where), where)


def trusted(value: Any, where: Origin) -> Any:
    """Data as the operator's own text: its strings may be templates."""
    if isinstance(value, str):
        return SourceText(value, where)
    if isinstance(value, list):
        return [trusted(item, where) for item in value]
    if isinstance(value, dict):
        if list(value) == ["__ansible_vault"] and is_encrypted(str(value["__ansible_vault"])):
            return SourceVault(str(value["__ansible_vault"]), where)
        return {key: trusted(item, where) for key, item in value.items()}
    return value
